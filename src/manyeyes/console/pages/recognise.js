// What the page Recognise puts into the frame; its work is done by the modules in static/recognise.
import { start } from "manyeyes-recognise";

export default {
  template: "<div class='recognise'></div>",
  props: { mayEnrol: Boolean, owner: String },
  mounted() {
    this.end = start(this.$el, { mayEnrol: this.mayEnrol, owner: this.owner });
  },
  unmounted() {
    this.end();
  },
};
