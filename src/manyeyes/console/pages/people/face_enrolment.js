// The dialog in which somebody gets photos: chosen, dropped or pasted; then what the master saw in each.
import { MOST_PHOTOS, blame, enrol, filesOf, nameFor, sentence, takeOut } from "enrolling";

export default {
  template: `
    <q-dialog v-model="open" :persistent="sending" :aria-label="title" @hide="forget">
      <div class="enrolment" :class="{ over }">
        <h2 class="ask-title" tabindex="-1" ref="title">{{ title }}</h2>
        <form v-if="!person" @submit.prevent="send">
          <q-input v-if="!to" v-model="name" label="Name" outlined dense autofocus maxlength="200" :disable="sending"
            :hint="hint" :error="!!unnamed" :error-message="unnamed" ref="name" autocomplete="off"
            @update:model-value="typed"></q-input>
          <div class="drop" v-if="!sending">
            <q-icon name="add_photo_alternate" aria-hidden="true"></q-icon>
            <span>Drop photos here, paste them, or</span>
            <q-btn no-caps outline label="Choose photos" color="primary" :autofocus="!!to" @click="$refs.files.click()"></q-btn>
            <input ref="files" type="file" multiple accept="image/*,.heic,.heif,.avif,.tif,.tiff" class="unseen"
              tabindex="-1" aria-label="Photos" @change="chosen">
          </div>
          <p class="soft">Each photo shows one person. Two to five of other days, light and angles are best.</p>
          <ul class="photos" v-if="photos.length">
            <li v-for="photo in photos" :key="photo.url" class="photo" :class="{ faulty: photo.fault }">
              <img v-if="!photo.blind" :src="photo.url" class="photo-whole" :alt="photo.fileName" decoding="async" @error="photo.blind = true">
              <span v-else class="photo-whole blind">No preview in this browser</span>
              <span class="photo-file">{{ photo.fileName }}</span>
              <p v-if="photo.fault" class="bad-words">{{ sentence(photo.fault) }}</p>
              <q-btn v-if="!sending" class="photo-out" round dense unelevated icon="close" color="dark"
                :aria-label="'Leave out ' + photo.fileName" @click="leaveOut(photo)"></q-btn>
            </li>
          </ul>
          <div role="alert"><p v-if="problem" class="bad-words">{{ problem }}</p></div>
          <div role="status"><template v-if="sending"><q-linear-progress indeterminate aria-hidden="true"></q-linear-progress>
            Looking at {{ counted(photos.length) }}…</template></div>
          <div class="ask-actions row">
            <q-btn flat no-caps label="Cancel" :disable="sending" @click="open = false"></q-btn>
            <q-btn unelevated no-caps color="primary" type="submit" :label="action" :disable="sending"></q-btn>
          </div>
        </form>
        <div v-else>
          <p role="status">{{ outcome }}</p>
          <p v-for="warning in aboutName" class="warn-words"><q-icon name="warning" aria-hidden="true"></q-icon>
            {{ sentence(warning.sentence) }}</p>
          <ul class="photos">
            <li v-for="photo in photos" :key="photo.url" class="photo" :class="{ wary: photo.warnings.length }">
              <div v-if="!photo.blind" class="framed">
                <img :src="photo.url" :alt="photo.fileName" @load="measure(photo, $event)" @error="photo.blind = true">
                <span v-if="photo.frame" class="framed-face" :style="photo.frame"></span>
              </div>
              <img v-else :src="kept(photo)" class="photo-whole" :alt="photo.fileName">
              <span class="photo-file">{{ photo.fileName }}</span>
              <p v-if="photo.gone" class="soft">Taken out again.</p>
              <template v-else>
                <p v-for="warning in photo.warnings" class="warn-words"><q-icon name="warning" aria-hidden="true"></q-icon>
                  {{ sentence(warning.sentence) }}</p>
                <p v-if="!photo.warnings.length" class="good-words"><q-icon name="check_circle" aria-hidden="true"></q-icon>
                  Nothing to improve.</p>
                <q-btn v-if="photo.warnings.length" flat dense no-caps label="Take it out" color="primary"
                  :aria-label="'Take out ' + photo.fileName" @click="undo(photo)"></q-btn>
              </template>
              <p v-if="photo.fault" class="bad-words" role="alert">{{ sentence(photo.fault) }}</p>
            </li>
          </ul>
          <div class="ask-actions row">
            <q-btn flat no-caps label="Add more photos" @click="again"></q-btn>
            <q-btn unelevated no-caps color="primary" label="Done" autofocus @click="open = false"></q-btn>
          </div>
        </div>
      </div>
    </q-dialog>
    <div v-if="over && !open" class="drop-here" aria-hidden="true">Drop photos to add them</div>`,
  props: {
    to: String, // the person on the photos; empty: asked for
    known: Number, // how many photos somebody of the typed name has
  },
  emits: ["named", "changed"],
  data: () => ({ open: false, name: "", unnamed: "", photos: [], problem: "", sending: false, person: null, over: false }),
  computed: {
    title() {
      if (this.person) return this.person.name;
      return this.to ? `Add photos of ${this.to}` : "Add a person";
    },
    hint() {
      return this.known ? `Known already with ${this.counted(this.known)}; these are added to them.` : "";
    },
    action() {
      return this.photos.length ? `Add ${this.counted(this.photos.length)}` : "Add";
    },
    aboutName() {
      return (this.person.warnings ?? []).filter((warning) => !warning.photo);
    },
    outcome() {
      const wary = this.photos.filter((photo) => photo.warnings.length && !photo.gone).length;
      const added = `${this.counted(this.photos.length)} added, ${this.counted(this.person.photos)} in all.`;
      if (!wary) return added;
      return `${added} ${wary === 1 ? "One" : wary} of them could be better: see below, and add a better one.`;
    },
  },
  mounted() {
    this.heard = {
      paste: (event) => this.gather(event, event.clipboardData),
      dragover: (event) => this.hover(event),
      dragleave: (event) => event.relatedTarget || (this.over = false),
      drop: (event) => this.gather(event, event.dataTransfer),
    };
    for (const [kind, listener] of Object.entries(this.heard)) window.addEventListener(kind, listener);
  },
  unmounted() {
    for (const [kind, listener] of Object.entries(this.heard)) window.removeEventListener(kind, listener);
    this.forget();
  },
  methods: {
    sentence,
    kept: (photo) => `${manyeyes.api}/v1/people-photos/${photo.id}/image`,
    start() {
      this.open = true;
    },
    typed() {
      this.unnamed = "";
      this.$emit("named", this.name);
    },
    counted: (number) => (number === 1 ? "1 photo" : `${number} photos`),
    hover(event) {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      this.over = true;
    },
    gather(event, transfer) {
      this.over = false;
      const files = filesOf(transfer);
      if (!files.length) return;
      event.preventDefault();
      if (!this.sending) this.take(files);
    },
    chosen(event) {
      this.take([...event.target.files]);
      event.target.value = "";
    },
    take(files) {
      if (this.person) this.again();
      this.open = true;
      const taken = new Set(this.photos.map((photo) => photo.fileName));
      for (const file of files) {
        const fileName = nameFor(file, taken);
        taken.add(fileName);
        this.photos.push({ file, fileName, url: URL.createObjectURL(file), warnings: [], fault: "" });
      }
      const over = this.photos.length - MOST_PHOTOS;
      this.problem = over > 0 ? `${MOST_PHOTOS} photos go at once; leave out ${over}.` : "";
    },
    leaveOut(photo) {
      URL.revokeObjectURL(photo.url);
      this.photos = this.photos.filter((other) => other !== photo);
      this.problem = "";
    },
    async send() {
      if (this.sending) return;
      if (!this.to && !this.name.trim()) {
        this.unnamed = "Type the name first.";
        return this.$refs.name.focus();
      }
      if (!this.photos.length) return (this.problem = "Choose one or more photos first.");
      this.sending = true;
      this.problem = "";
      for (const photo of this.photos) photo.fault = "";
      const { person, problem } = await enrol(this.to || this.name.trim(), this.photos);
      this.sending = false;
      if (problem) return this.say(problem);
      person.added.forEach((added, place) => {
        const photo = this.photos[place];
        Object.assign(photo, { id: added.photo_id, box: added.box_xyxy_px, warnings: added.warnings });
      });
      this.person = person;
      this.$emit("changed", person.name);
      this.$nextTick(() => this.$refs.title.focus());
    },
    say(problem) {
      const blamed = blame(problem, this.photos);
      if (!blamed) return (this.problem = problem.detail);
      blamed.photo.fault = blamed.words;
      this.problem = `${blamed.photo.fileName} cannot be used, so nothing was added. Leave it out, or choose another.`;
    },
    measure(photo, { target }) {
      if (!photo.box) return;
      const [left, top, right, bottom] = photo.box;
      const part = (px, of) => `${(100 * px) / of}%`;
      const { naturalWidth: width, naturalHeight: height } = target;
      photo.frame = {
        left: part(left, width),
        top: part(top, height),
        width: part(right - left, width),
        height: part(bottom - top, height),
      };
    },
    async undo(photo) {
      const { problem } = await takeOut(this.person.name, photo.id);
      photo.fault = problem ? problem.detail : "";
      photo.gone = !problem;
      if (!problem) this.$emit("changed", this.person.name);
    },
    again() {
      const name = this.to ? "" : this.person.name;
      this.forget();
      this.name = name;
    },
    forget() {
      for (const photo of this.photos) URL.revokeObjectURL(photo.url);
      Object.assign(this, { name: "", unnamed: "", photos: [], problem: "", person: null });
      this.$emit("named", "");
    },
  },
};
