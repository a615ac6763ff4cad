// The latest predicted pictures; the browser loads them from the API itself.
export default {
  props: { pictures: Array, empty: String },
  template: `
    <ul v-if="pictures.length" class="pictures">
      <li v-for="p in pictures" :key="p.key">
        <img v-if="p.src" :src="p.src" :alt="p.alt" loading="lazy">
        <span v-else class="pictures-none">no small picture is kept</span>
        <span class="pictures-names">{{ p.names }}</span>
        <span class="soft" :title="p.title">{{ p.when }}</span>
        <a v-if="p.trace" :href="p.trace" :aria-label="'Trace of the picture of ' + p.title">Trace</a>
      </li>
    </ul>
    <p v-else class="empty">{{ empty }}</p>`,
};
