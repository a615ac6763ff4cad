// The latest predicted pictures; the browser loads them from the API itself. Each opens large.
import { showLarge } from "manyeyes-large/large.js";

export default {
  props: { pictures: Array, empty: String, mayEnrol: Boolean },
  template: `
    <ul v-if="pictures.length" class="pictures">
      <li v-for="p in pictures" :key="p.key">
        <button v-if="p.src" type="button" class="pictures-open" :aria-label="'Open the picture of ' + p.title" @click="open(p)">
          <img :src="p.src" :alt="p.alt" loading="lazy">
        </button>
        <span v-else class="pictures-none">no small picture is kept</span>
        <span class="pictures-names">{{ p.names }}</span>
        <span class="soft" :title="p.title">{{ p.when }}</span>
        <a v-if="p.trace" :href="p.trace" :aria-label="'Trace of the picture of ' + p.title">Trace</a>
      </li>
    </ul>
    <p v-else class="empty">{{ empty }}</p>`,
  created() {
    this.judged = new Map(); // what was said of faces, by the picture's key
  },
  methods: {
    async open({ key, src, alt, title, trace }) {
      if (!this.judged.has(key)) this.judged.set(key, new Map());
      const picture = { id: key, src, alt, title: `Picture of ${title}`, trace, judged: this.judged.get(key) };
      await showLarge(picture, { mayEnrol: this.mayEnrol });
    },
  },
};
