// One figure over the last hour, as a line; the same as a table for those who do not see it.
const HOUR_S = 3600, ROW_S = 300;

export default {
  props: { name: String, unit: String, limit: Number, values: Array, bucketS: Number, endsAt: Number },
  data: () => ({ at: null }),
  template: `
    <figure class="chart">
      <figcaption><span class="chart-name">{{ name }}</span><span class="chart-said">{{ said }}</span></figcaption>
      <div class="chart-plot" @pointermove="point" @pointerleave="at = null">
        <svg :viewBox="'0 0 ' + slots + ' 100'" preserveAspectRatio="none" role="img" :aria-label="summary">
          <line v-for="y in [25, 50, 75]" :key="y" class="chart-grid" x1="0" :x2="slots" :y1="y" :y2="y"
            vector-effect="non-scaling-stroke"/>
          <path class="chart-area" :d="area"/>
          <path class="chart-line" :d="line" vector-effect="non-scaling-stroke"/>
          <line v-if="at !== null" class="chart-cursor" :x1="first + at + .5" :x2="first + at + .5" y1="0" y2="100"
            vector-effect="non-scaling-stroke"/>
        </svg>
        <span class="chart-top" aria-hidden="true">{{ told(top) }}</span>
      </div>
      <div class="chart-axis" aria-hidden="true"><span>1 h ago</span><span>30 min</span><span>now</span></div>
      <details class="chart-table">
        <summary>As a table</summary>
        <table class="small-table" :aria-label="name + (unit && ', ' + unit)">
          <thead><tr><th scope="col">Until</th><th scope="col" class="figure">Mean</th><th scope="col" class="figure">Most</th></tr></thead>
          <tbody><tr v-for="row in table" :key="row.until">
            <td>{{ row.until }}</td><td class="figure">{{ row.mean }}</td><td class="figure">{{ row.most }}</td>
          </tr></tbody>
        </table>
      </details>
    </figure>`,
  computed: {
    after() { return this.unit && ` ${this.unit}`; },
    slots() { return Math.round(HOUR_S / this.bucketS); },
    first() { return this.slots - this.values.length; },
    known() { return this.values.filter((value) => value !== null); },
    top() {
      if (this.limit) return this.limit;
      const most = Math.max(0, ...this.known);
      if (most === 0) return 1;
      const power = 10 ** Math.floor(Math.log10(most));
      return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= most);
    },
    runs() {
      const runs = [];
      this.values.forEach((value, i) => {
        if (value === null) return;
        const point = [this.first + i + 0.5, 100 - (96 * value) / this.top];
        const last = runs.at(-1);
        if (last && last.at(-1)[0] === point[0] - 1) last.push(point);
        else runs.push([point]);
      });
      return runs;
    },
    line() { return this.runs.map((run) => "M" + run.map(([x, y]) => `${x} ${y.toFixed(1)}`).join("L")).join(""); },
    area() {
      return this.runs.map((run) => `M${run[0][0]} 100L` + run.map(([x, y]) => `${x} ${y.toFixed(1)}`).join("L")
        + `L${run.at(-1)[0]} 100Z`).join("");
    },
    said() {
      if (this.at === null) return this.known.length ? this.told(this.known.at(-1)) + this.after : "nothing yet";
      const value = this.values[this.at];
      return `${this.clock(this.at + 1)}: ${value === null ? "not known" : this.told(value) + this.after}`;
    },
    summary() {
      if (!this.known.length) return `${this.name}: nothing is known of the last hour yet`;
      const most = Math.max(...this.known);
      return `${this.name} over the last hour: now ${this.told(this.known.at(-1))}, at most ${this.told(most)}${this.after}`;
    },
    table() {
      const each = Math.round(ROW_S / this.bucketS), rows = [];
      for (let end = this.values.length; end > 0; end -= each) {
        const part = this.values.slice(Math.max(0, end - each), end).filter((value) => value !== null);
        const mean = part.length ? this.told(part.reduce((sum, value) => sum + value, 0) / part.length) : "–";
        rows.push({ until: this.clock(end), mean, most: part.length ? this.told(Math.max(...part)) : "–" });
      }
      return rows;
    },
  },
  methods: {
    told(value) {
      if (value >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString("en-GB");
      return value >= 1 ? value.toFixed(1) : value.toPrecision(2);
    },
    clock(end) {
      const ms = this.endsAt - (this.values.length - end) * this.bucketS * 1000;
      return new Date(ms).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    },
    point(event) {
      const box = event.currentTarget.getBoundingClientRect();
      const slot = Math.floor(((event.clientX - box.left) / box.width) * this.slots) - this.first;
      this.at = slot >= 0 && slot < this.values.length ? slot : null;
    },
  },
};
