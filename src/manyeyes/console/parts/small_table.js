// A short table of plain texts, whole at each change.
export default {
  props: { caption: String, columns: Array, rows: Array, figures: Array, line: Number, empty: String },
  template: `
    <table v-if="rows.length" class="small-table" :aria-label="caption">
      <thead><tr><th v-for="(c, i) in columns" :key="c" scope="col" :class="{figure: figures.includes(i)}">{{ c }}</th></tr></thead>
      <tbody><tr v-for="(row, r) in rows" :key="r">
        <td v-for="(cell, i) in row" :key="i" :class="{figure: figures.includes(i), line: i === line}" :title="i === line ? cell : null">{{ cell }}</td>
      </tr></tbody>
    </table>
    <p v-else class="empty">{{ empty }}</p>`,
};
