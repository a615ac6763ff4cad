// The spans of a trace: a table whose last column draws each as a bar on one scale.
export default {
  props: { caption: String, bars: Array },
  template: `
    <table role="table" class="trace" :aria-label="caption">
      <thead role="rowgroup"><tr role="row">
        <th role="columnheader" scope="col">Part</th><th role="columnheader" scope="col">Machine</th>
        <th role="columnheader" scope="col" class="figure">Begins at, ms</th>
        <th role="columnheader" scope="col" class="figure">Takes, ms</th>
        <th role="columnheader" scope="col">When</th>
      </tr></thead>
      <tbody role="rowgroup">
        <tr v-for="(bar, number) in bars" :key="number" role="row">
          <td role="cell" class="trace-part" :style="{ paddingLeft: 0.5 + bar.depth * 1.1 + 'rem' }">{{ bar.name }}
            <span class="note">{{ bar.meaning }}</span><span v-if="bar.facts" class="note">{{ bar.facts }}</span></td>
          <td role="cell" class="trace-machine">{{ bar.machine }}</td>
          <td role="cell" class="figure" data-label="begins at, ms">{{ bar.start }}</td>
          <td role="cell" class="figure" data-label="takes, ms">{{ bar.took }}</td>
          <td role="cell" class="trace-when"><span class="trace-track" aria-hidden="true"><span class="trace-bar"
            :class="[{ bad: bar.failed }, 'depth-' + bar.depth]" :style="{ left: bar.left + '%', width: bar.width + '%' }"></span></span></td>
        </tr>
      </tbody>
    </table>`,
};
