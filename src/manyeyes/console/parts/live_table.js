// A table of one page of rows: the order and the other pages are asked of the server.
export default {
  props: {
    caption: String, columns: Array, rows: Array, sort: String, descending: Boolean,
    offset: Number, limit: Number, found: Number, empty: String,
  },
  emits: ["sort", "page", "act"],
  template: `
    <div class="live-table">
      <label class="live-table-order">Sort by
        <select :value="sort" @change="$emit('sort', {name: $event.target.value, descending: false})">
          <option v-for="c in columns" :key="c.name" :value="c.name">{{ c.label }}</option>
        </select>
      </label>
      <table role="table" :aria-label="caption" :aria-rowcount="found">
        <thead role="rowgroup"><tr role="row">
          <th v-for="c in columns" :key="c.name" role="columnheader" scope="col" :class="c.kind"
              :aria-sort="c.name !== sort ? null : descending ? 'descending' : 'ascending'">
            <button type="button" :title="c.hint" @click="order(c)">{{ c.label }}<span
              class="live-table-arrow" aria-hidden="true">{{ c.name !== sort ? '' : descending ? '▼' : '▲' }}</span></button>
          </th>
        </tr></thead>
        <tbody role="rowgroup">
          <tr v-for="row in rows" :key="row.key" role="row" :data-key="row.key">
            <td v-for="c in columns" :key="c.name" role="cell" :class="c.kind" :data-label="c.label"
                :title="row[c.name].title">
              <a v-if="row[c.name].href" :href="row[c.name].href">{{ row[c.name].text }}</a>
              <span v-else-if="row[c.name].tone" class="state"><span class="dot" :class="row[c.name].tone"
                aria-hidden="true"></span>{{ row[c.name].text }}</span>
              <span v-else>{{ row[c.name].text }}</span>
              <span v-if="row[c.name].note" class="note">{{ row[c.name].note }}</span>
              <button v-if="row[c.name].act" type="button" class="live-table-act"
                @click="$emit('act', row.key)">{{ row[c.name].act }}</button>
            </td>
          </tr>
        </tbody>
      </table>
      <p v-if="!rows.length" class="empty">{{ empty }}</p>
      <nav v-if="found > limit" class="pager" aria-label="Pages of the table">
        <button type="button" :disabled="offset === 0" @click="$emit('page', Math.max(0, offset - limit))">Previous</button>
        <span role="status">{{ from }}–{{ to }} of {{ found.toLocaleString("en-GB") }}</span>
        <button type="button" :disabled="offset + limit >= found" @click="$emit('page', offset + limit)">Next</button>
      </nav>
    </div>`,
  computed: {
    from() { return Math.min(this.offset + 1, this.found).toLocaleString("en-GB"); },
    to() { return Math.min(this.offset + this.limit, this.found).toLocaleString("en-GB"); },
  },
  methods: {
    order(column) {
      const again = column.name === this.sort;
      this.$emit("sort", { name: column.name, descending: again ? !this.descending : column.kind === "figure" });
    },
  },
};
