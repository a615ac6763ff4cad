// People as cards: portrait or initials, name, number of photos.
export default {
  template: `
    <ul class="faces">
      <li v-for="one in people" :key="one.name">
        <a :href="one.href" class="face">
          <img v-if="!missing[one.src]" :src="one.src" class="face-mark" alt="" loading="lazy" decoding="async"
            @error="missing[one.src] = true">
          <span v-else class="face-mark initials" :style="{ '--hue': one.hue }" aria-hidden="true">{{ one.initials }}</span>
          <span class="face-name">{{ one.name }}</span>
          <span class="soft">{{ one.count }}</span>
        </a>
      </li>
    </ul>`,
  props: { people: Array },
  data: () => ({ missing: {} }),
};
