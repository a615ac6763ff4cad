// Unknown faces by likeness; each group is named or dismissed.
import { ago, exact } from "moments";

const FIRST_SHOWN = 12;
const MOST_ENROLLED = 10; // of a group that is named whole, as the master has it

export default {
  template: `
    <datalist id="known-people"><option v-for="name in names" :value="name"></option></datalist>
    <ul class="groups">
      <li v-for="group in groups" :key="group.id" class="group">
        <h2 class="group-title">{{ counted(group.count) }}</h2>
        <p class="soft">
          <template v-if="group.count > 1">First seen <time :datetime="group.first" :title="exact(group.first)">{{ ago(group.first) }}</time>,
          last </template><template v-else>Seen </template><time :datetime="group.last" :title="exact(group.last)">{{ ago(group.last) }}</time>.
          {{ group.nearest }}
          <button v-if="group.nearestName" type="button" class="plain link" :aria-label="'Fill in ' + group.nearestName"
            @click="typed[group.id] = group.nearestName">Fill in this name</button>
        </p>
        <fieldset class="crops">
          <legend class="unseen">Which of them are meant</legend>
          <label v-for="(face, place) in shown(group)" :key="face.id" class="crop" :class="{ off: off[face.id] }" :title="exact(face.seen) + face.noticed">
            <img :src="image(face)" alt="" loading="lazy" decoding="async">
            <input type="checkbox" :checked="!off[face.id]" :aria-label="'Face ' + (place + 1) + ', seen ' + ago(face.seen)"
              @change="off[face.id] = !$event.target.checked">
          </label>
        </fieldset>
        <q-btn v-if="group.faces.length > shown(group).length" flat dense no-caps color="primary"
          :label="'Show ' + (group.faces.length - shown(group).length) + ' more'" @click="whole[group.id] = true"></q-btn>
        <p v-if="group.count > MOST_ENROLLED && !chosen(group)" class="soft">Named whole, its ten best faces are added to the person,
          and the others are deleted.</p>
        <form class="naming" @submit.prevent="name(group)">
          <label class="naming-field">Who is this?
            <input v-model="typed[group.id]" list="known-people" maxlength="200" autocomplete="off" placeholder="A new or a known name"
              :disabled="busy[group.id]"></label>
          <q-btn unelevated no-caps color="primary" type="submit" :label="action(group)" :disable="!ready(group)"></q-btn>
          <q-btn flat no-caps label="Dismiss" :disable="busy[group.id]" :aria-label="'Dismiss ' + counted(group.count)"
            @click="$emit('dismiss', { group: group.id, count: group.count })"></q-btn>
        </form>
      </li>
    </ul>`,
  props: { groups: Array, names: Array },
  emits: ["name", "dismiss"],
  data: () => ({ MOST_ENROLLED, off: {}, whole: {}, typed: {}, busy: {} }),
  methods: {
    ago,
    exact,
    image: (face) => `${manyeyes.api}/v1/faces/unknown/${face.id}/image`,
    counted: (number) => (number === 1 ? "1 face" : `${number} faces`),
    shown(group) {
      return this.whole[group.id] ? group.faces : group.faces.slice(0, FIRST_SHOWN);
    },
    // None where the whole group is meant.
    chosen(group) {
      const ticked = group.faces.filter((face) => !this.off[face.id]);
      return ticked.length === group.faces.length ? null : ticked.map((face) => face.id);
    },
    action(group) {
      const chosen = this.chosen(group);
      return chosen ? `Name ${this.counted(chosen.length)}` : group.count === 1 ? "Name it" : `Name all ${group.count}`;
    },
    ready(group) {
      return !this.busy[group.id] && (this.typed[group.id] ?? "").trim() && this.chosen(group)?.length !== 0;
    },
    name(group) {
      const name = (this.typed[group.id] ?? "").trim();
      if (!name || this.busy[group.id] || this.chosen(group)?.length === 0) return;
      this.busy[group.id] = true;
      this.$emit("name", { group: group.id, name, faces: this.chosen(group) ?? [] });
    },
    settled(group) {
      delete this.busy[group];
    },
  },
};
