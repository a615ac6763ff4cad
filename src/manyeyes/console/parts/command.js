// A command to be run elsewhere, and a button that copies it.
export default {
  props: { text: String, name: String },
  data: () => ({ said: "" }),
  template: `
    <div class="command">
      <code tabindex="0" role="region" :aria-label="name" ref="code">{{ text }}</code>
      <button type="button" @click="copy" :aria-label="'Copy: ' + name">Copy</button>
      <span role="status" class="command-said">{{ said }}</span>
    </div>`,
  watch: { text() { this.said = ""; } },
  methods: {
    async copy() {
      try {
        await navigator.clipboard.writeText(this.text);
        this.said = "Copied";
      } catch {
        getSelection().selectAllChildren(this.$refs.code);
        this.said = "Selected: press Ctrl+C";
      }
    },
  },
};
