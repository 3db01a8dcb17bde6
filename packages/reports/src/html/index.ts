import type { Arm, Marked } from '@haldane/core';
import { asides } from '../asides.ts';
import { auditWords, cameInWords, otherReasons, type Report, verdictOf } from '../report.ts';
import { capital, sentences } from '../sentences.ts';
import { harmLine, timeline } from '../timeline.ts';
import { type ChartMark, chart, text } from './chart.ts';
import { attack, budgetBurn, failureRates, requestRates } from './series.ts';
import { style } from './style.ts';

const colours: Record<Arm, string> = { control: '#3566a8', experiment: '#c2512b' };

/** One self-contained page: no script, no address to fetch. */
export function htmlReport(report: Report): string {
  const verdict = verdictOf(report);
  const { run } = report;
  const [done, showed] = sentences(report);
  const word = verdict?.verdict ?? 'none';
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${text(`${capital(word)}: ${run.experiment.name}`)}</title><style>${style}</style></head><body><main>
<p class="verdict ${word}">${text(verdict === null ? 'No verdict' : verdict.verdict)}</p>
<h1>${text(run.experiment.name)}</h1>
<p class="lead">${text(done)} ${text(showed)}${cameInWords(report) === null ? '' : ` <strong>${text(cameInWords(report) ?? '')}</strong>`}</p>
${verdict === null ? '' : `<div class="marks">${mark('held', 'Did the security property hold?', verdict.held)}${mark('served', 'Were users still served?', verdict.served)}${mark('noticed', 'Was the attack noticed?', verdict.noticed)}</div>`}
<p class="harm">${text(capital(harmLine(report)))}</p>
${charts(report)}
${
  verdict === null
    ? ''
    : `<h2>Why</h2><ul>${otherReasons(verdict)
        .map((reason) => `<li>${text(reason)}</li>`)
        .join('')}</ul>`
}
${
  verdict === null || verdict.surprises.length === 0
    ? ''
    : table(
        'Not declared, but different between the arms',
        ['what', 'control', 'experiment'],
        verdict.surprises.map((one) => [one.what, `${one.control}`, `${one.experiment}`]),
      )
}
${list('Users, beside the comparison', asides(report))}
${table(
  'What was changed, and whether it is back',
  ['', 'change', 'how it is undone', 'state'],
  report.journal.map((entry) => [
    `${entry.seq}`,
    entry.change.does,
    entry.change.undo,
    entry.note === null ? entry.state : `${entry.state} (${entry.note})`,
  ]),
)}
${table(
  'When',
  ['s', 'what'],
  timeline(report).map((moment) => [((moment.at - run.createdAt) / 1000).toFixed(1), moment.what]),
)}
${verdict === null ? '' : `<details><summary>The numbers behind the verdict</summary><pre>${text(JSON.stringify(verdict.record, null, 2))}</pre></details>`}
<footer>Run ${text(run.id)}. Judge it again from the evidence alone: <code>haldane report ${text(run.id)} --recompute</code>${auditWords(report) === null ? '' : `<br>${text(auditWords(report) ?? '')}`}</footer>
</main></body></html>
`;
}

function mark(name: string, question: string, one: Marked): string {
  return `<section class="${one.mark}"><h3>${name}: ${one.mark}</h3><p class="question">${question}</p><p>${text(one.why)}</p></section>`;
}

function list(title: string, items: readonly string[]): string {
  return items.length === 0 ? '' : `<h2>${text(title)}</h2><ul>${items.map((one) => `<li>${text(one)}</li>`).join('')}</ul>`;
}

function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  // A number that is broken into two lines reads as two.
  const cell = (one: string) => `<td${/^[\d.]+$/.test(one) ? ' class="number"' : ''}>${text(one)}</td>`;
  const body = rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('');
  return `<h2>${text(title)}</h2><table><thead><tr>${head.map((one) => `<th>${text(one)}</th>`).join('')}</tr></thead><tbody>${body}</tbody></table>`;
}

function charts(report: Report): string {
  const { blocks } = report.evidence;
  const first = blocks[0];
  const last = blocks.at(-1);
  if (first === undefined || last === undefined) return '<p>No second of traffic was observed.</p>';
  const startedAt = first.at * 1000;
  const injectedAt = report.run.facts.injectedAt ?? null;
  const seconds: readonly [number, number] = [0, Math.max(1, last.at + 1 - first.at)];
  const marks = marksOf(report, startedAt, seconds[1]);
  const arms: readonly Arm[] = ['control', 'experiment'];
  const rates = arms.map((arm) => ({ arm, points: failureRates(blocks, arm, startedAt, injectedAt) }));
  const highest = Math.max(
    0.01,
    ...rates.flatMap(({ points }) => points.slice(5).map((point) => Math.min(point.high, point.rate * 3 + 0.02))),
  );
  const burn = budgetBurn(blocks, startedAt);
  const { cap } = last.budget;
  const struck = attack(blocks, startedAt);
  return [
    chart({
      title: 'Failures of real users',
      unit: 'share of requests since the change, each with its 95 % confidence sequence',
      seconds,
      top: Math.min(1, highest),
      format: (value) => `${Number((value * 100).toPrecision(2))} %`,
      lines: rates.map(({ arm, points }) => ({
        name: arm,
        colour: colours[arm],
        points: points.map(({ second, rate }) => ({ second, value: rate })),
      })),
      bands: rates.map(({ arm, points }) => ({ colour: colours[arm], points })),
      marks,
    }),
    chart({
      title: 'Error budget',
      unit: `failures charged, of ${cap}`,
      seconds,
      top: Math.max(cap, ...burn.map((point) => point.value)),
      format: String,
      lines: [
        { name: 'spent', colour: '#8b1e3f', points: burn },
        {
          name: 'cap',
          colour: '#888888',
          points: [
            { second: 0, value: cap },
            { second: seconds[1], value: cap },
          ],
        },
      ],
      bands: [],
      marks,
    }),
    chart({
      title: 'The attack, in the experiment',
      unit: 'a second: hostile requests refused and let in, dependency calls that met the fault',
      seconds,
      top: Math.max(1, ...struck.map((point) => Math.max(point.denied, point.accepted, point.met))),
      format: String,
      lines: [
        { name: 'refused', colour: '#2f7d4f', points: struck.map(({ second, denied }) => ({ second, value: denied })) },
        { name: 'let in', colour: '#c2182b', points: struck.map(({ second, accepted }) => ({ second, value: accepted })) },
        { name: 'met the fault', colour: '#7a5ea8', points: struck.map(({ second, met }) => ({ second, value: met })) },
      ],
      bands: [],
      marks,
    }),
    chart({
      title: 'Requests of real users',
      unit: 'a second and arm',
      seconds,
      top: Math.max(1, ...arms.flatMap((arm) => blocks.map((block) => block.real[arm].requests))),
      format: String,
      lines: arms.map((arm) => ({ name: arm, colour: colours[arm], points: requestRates(blocks, arm, startedAt) })),
      bands: [],
      marks,
    }),
  ].join('\n');
}

function marksOf(report: Report, startedAt: number, end: number): readonly ChartMark[] {
  const { facts, stop } = report.run;
  const heal = report.evidence.checks.find((check) => check.name === 'heal');
  const found: ChartMark[] = [];
  const add = (at: number | undefined, name: string) => {
    if (at !== undefined) found.push({ second: Math.min(end, Math.max(0, (at - startedAt) / 1000)), name });
  };
  add(facts.injectedAt, report.run.experiment.fault ? 'change' : 'no change (rehearsal)');
  add(report.evidence.marks.find((one) => one.phase === 'observing')?.at, 'users back');
  add(stop?.at, `stop: ${stop?.reason ?? ''}`);
  add(heal?.at, heal?.passed === true ? 'healed' : 'not healed');
  return found;
}
