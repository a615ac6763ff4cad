// The enrolled photos of one person, each with what was noticed.
import { ago, exact } from "moments";

export default {
  template: `
    <ul class="photos">
      <li v-for="photo in photos" :key="photo.id" :id="'photo-' + photo.id" class="photo" :class="{ wary: photo.warnings.length, meant: '#photo-' + photo.id === meant }">
        <img v-if="photo.src && !missing[photo.id]" :src="photo.src" class="photo-whole" :alt="photo.fileName" loading="lazy"
          @error="missing[photo.id] = true">
        <span v-else class="photo-whole blind">No picture is kept</span>
        <span class="photo-file">{{ photo.fileName }}</span>
        <span class="soft">{{ photo.source }}, <time :datetime="photo.addedAt" :title="exact(photo.addedAt)">{{ ago(photo.addedAt) }}</time></span>
        <p v-for="warning in photo.warnings" class="warn-words"><q-icon name="warning" aria-hidden="true"></q-icon> {{ warning }}</p>
        <q-btn flat dense no-caps icon="delete_outline" label="Remove" :aria-label="'Remove photo ' + photo.fileName"
          @click="$emit('remove', photo.id)"></q-btn>
      </li>
    </ul>`,
  props: { photos: Array },
  emits: ["remove"],
  data: () => ({ missing: {}, meant: location.hash }),
  mounted() {
    this.$el.querySelector(".meant")?.scrollIntoView({ block: "center" });
  },
  methods: { ago, exact },
};
