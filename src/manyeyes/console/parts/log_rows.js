// Lines of the log, the newest first. A row opens to show all its facts; nothing here asks the server.
export default {
  props: { caption: String, traces: String, empty: String, first: Array, most: Number },
  emits: ["seen"],
  data() { return { rows: [...this.first].reverse(), open: {} }; },
  template: `
    <div class="log">
      <table v-if="rows.length" role="table" class="log-table" :aria-label="caption">
        <thead role="rowgroup"><tr role="row">
          <th role="columnheader" scope="col">Time</th><th role="columnheader" scope="col">Machine</th>
          <th role="columnheader" scope="col">Level</th><th role="columnheader" scope="col">What happened</th>
          <th v-if="traces" role="columnheader" scope="col">Picture</th>
        </tr></thead>
        <tbody role="rowgroup">
          <template v-for="row in rows" :key="row.number">
            <tr role="row" :data-number="row.number" :class="'log-' + row.tone">
              <td role="cell" class="log-time"><button type="button" :aria-expanded="!!open[row.number]" :title="row.exact"
                :aria-label="'All fields of the line of ' + time(row)" @click="turn(row)"><span aria-hidden="true"
                class="log-arrow">{{ open[row.number] ? '▾' : '▸' }}</span>{{ time(row) }}</button></td>
              <td role="cell" class="log-machine">{{ row.machine }}</td>
              <td role="cell" class="log-level"><span class="state"><span class="dot" :class="row.tone"
                aria-hidden="true"></span>{{ row.level }}</span></td>
              <td role="cell" class="log-said"><span class="log-event">{{ row.said }}</span></td>
              <td v-if="traces" role="cell" class="log-trace"><a v-if="row.trace" :href="traces + row.trace"
                :aria-label="'Trace of the picture ' + row.trace" :title="row.trace">{{ row.trace.slice(0, 8) }}</a></td>
            </tr>
            <tr v-if="open[row.number]" role="row" class="log-more">
              <td role="cell" :colspan="traces ? 5 : 4">
                <dl class="facts">
                  <dt>time</dt><dd>{{ row.exact }}</dd><dt>event</dt><dd>{{ row.event }}</dd>
                  <template v-if="row.trace"><dt>trace</dt><dd><a v-if="traces" :href="traces + row.trace">{{ row.trace }}</a><span v-else>{{ row.trace }}</span></dd></template>
                  <template v-for="[name, value] in row.facts"><dt>{{ name }}</dt><dd>{{ value }}</dd></template>
                </dl>
                <pre v-if="row.body" tabindex="0" role="region" aria-label="Text of the line">{{ row.body }}</pre>
              </td>
            </tr>
          </template>
        </tbody>
      </table>
      <p v-else class="empty">{{ empty }}</p>
    </div>`,
  mounted() { document.addEventListener("visibilitychange", this.look); },
  unmounted() { document.removeEventListener("visibilitychange", this.look); },
  methods: {
    look() { this.$emit("seen", !document.hidden); },
    time(row) {
      const at = new Date(row.at);
      const clock = at.toLocaleTimeString("en-GB", { hour12: false }) + "." + String(at.getMilliseconds()).padStart(3, "0");
      return at.toDateString() === new Date().toDateString() ? clock : at.toLocaleDateString("en-CA") + " " + clock;
    },
    turn(row) { this.open[row.number] = !this.open[row.number]; },
    fresh(rows) {
      const known = new Set(this.rows.map((row) => row.number));
      return rows.filter((row) => !known.has(row.number)).reverse();
    },
    add(rows) { this.rows = [...this.fresh(rows), ...this.rows].slice(0, this.most); },
    addOlder(rows) { this.rows = [...this.rows, ...this.fresh(rows)].slice(-this.most); },
    clear() { this.rows = []; this.open = {}; },
  },
};
