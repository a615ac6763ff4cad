// The latest videos: a table for each, whose last column draws when somebody is seen, on one scale.
export default {
  props: { videos: Array },
  template: `
    <div class="videos">
      <section v-for="v in videos" :key="v.key" :aria-label="'Video ' + v.name">
        <h3 class="videos-name">{{ v.name }}</h3>
        <p class="soft" :title="v.title">{{ v.facts }}</p>
        <table v-if="v.rows.length" role="table" class="videos-times" :aria-label="'Who is seen in ' + v.name">
          <thead role="rowgroup"><tr role="row">
            <th role="columnheader" scope="col">Person</th><th role="columnheader" scope="col">Seen</th>
            <th role="columnheader" scope="col" class="figure">Stills</th>
            <th role="columnheader" scope="col" class="videos-when"><span class="videos-scale"><span>{{ v.first }}</span>
              <span>When</span><span>{{ v.last }}</span></span></th>
          </tr></thead>
          <tbody role="rowgroup">
            <tr v-for="(row, number) in v.rows" :key="number" role="row">
              <td role="cell" class="videos-person" :class="{ soft: row.isUnknown }">{{ row.name }}</td>
              <td role="cell" class="videos-seen">{{ row.seen }}</td>
              <td role="cell" class="figure" data-label="stills">{{ row.stills }}</td>
              <td role="cell" class="videos-when"><span class="videos-track" aria-hidden="true"><span v-for="(bar, at) in row.bars"
                :key="at" class="videos-bar" :class="{ unknown: row.isUnknown }"
                :style="{ left: bar.left + '%', width: bar.width + '%' }"></span></span></td>
            </tr>
          </tbody>
        </table>
        <p v-else class="empty">No face was found in its stills.</p>
        <p v-if="v.more" class="soft">{{ v.more }}</p>
      </section>
    </div>`,
};
