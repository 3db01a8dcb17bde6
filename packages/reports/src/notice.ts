import { isBack, type News, type Notice, type Remedy, type RightsChange, type Run } from '@haldane/core';
import { otherReasons, type Report, verdictOf } from './report.ts';
import { capital, percent, sentences } from './sentences.ts';

/** All that a notice is made from. */
export type Told = {
  readonly news: News;
  /** The run that it is about. */
  readonly run: Run | null;
  /** Of that run, when it is judged. */
  readonly report: Report | null;
  /** Whose service it is, if anybody registered it. */
  readonly team: string | null;
  /** Where people reach this Haldane. */
  readonly link: string | null;
};

type TopicOfRun = 'started' | 'stopped' | 'verdict' | 'stuck' | 'restored';
type Words = Pick<Notice, 'headline' | 'lines' | 'commands' | 'remedies'>;

/** News in words, for whoever is told. Pure; the words of a verdict are the report's own. */
export function noticeOf(told: Told): Notice {
  const { news, run, team, link } = told;
  const { topic, service, environment, runId, at, data } = news;
  return {
    topic,
    service,
    environment,
    at,
    team: run?.facts.deployment?.owner.team ?? team,
    experiment: run?.experiment.name ?? (topic === 'came-in' ? String(data['experiment']) : null),
    runId,
    revision: run?.facts.deployment?.commit ?? run?.facts.deployment?.revision ?? said(data['revision']) ?? said(data['bad']),
    ...(typeof data['first'] === 'string' ? { cameInWith: data['first'] } : {}),
    verdict: topic === 'verdict' ? (run?.facts.verdict?.verdict ?? null) : null,
    link: link === null || runId === null ? null : `${link.replace(/\/$/, '')}/v1/runs/${encodeURIComponent(runId)}/report?format=html`,
    ...wordsOf(told),
  };
}

function wordsOf(told: Told): Words {
  const { news } = told;
  const { topic, service, environment, data } = news;
  const place = `${service} (${environment})`;
  const text = (name: string) => (typeof data[name] === 'string' ? data[name] : '');
  switch (topic) {
    case 'started':
    case 'stopped':
    case 'verdict':
    case 'stuck':
    case 'restored':
      return wordsOfRun(topic, told, place);
    case 'approval-asked':
      return {
        headline: `${place}: ${text('scenario')} waits for approval`,
        lines: [`${text('who')} wanted to run ${text('experiment')}.`, text('why')],
        commands: [{ does: 'Approve', command: commandOf('approve', service, environment, text('scenario')) }],
        remedies: [{ do: 'approve', service, environment, scenario: text('scenario') }],
      };
    case 'gate-blocked':
      return blockedWords(news, place);
    case 'break-glass':
      return {
        headline: `${place}: ${text('who')} broke the glass for ${text('revision')}`,
        lines: [`Why: ${text('why')}`, 'The gate lets this revision through, whatever was found.'],
        commands: [],
        remedies: [],
      };
    case 'came-in':
      return {
        headline: `${place}: ${text('experiment')}, ${text('first') === '' ? 'it is known between which revisions the flaw came in' : `the flaw came in with ${text('first')}`}`,
        lines: [`${capital(text('why'))}.`, `It was resilient at ${text('good')} and is vulnerable at ${text('bad')}.`],
        commands: [],
        remedies: [],
      };
    case 'rights-changed':
      return askedWords(news);
    case 'rights-taken-back':
      return {
        headline: `Taken back: ${changeWords(news)}`,
        lines: [
          `Why: ${text('why')}${text('by') === '' ? '' : ` (${text('by')})`}.`,
          'It is in the audit log. Look at what was done with it meanwhile.',
        ],
        commands: [{ does: 'Look', command: 'haldane audit' }],
        remedies: [],
      };
  }
}

function askedWords(news: News): Words {
  const { data } = news;
  const { until, change } = data;
  const isAsked = typeof until === 'number' && typeof change === 'string';
  return {
    headline: `${changeWords(news)}${isAsked ? `. ${String(data['author'])}, was that you?` : ''}`,
    lines: [
      isAsked
        ? data['askFirst'] === true
          ? `Without an answer of theirs within ${Math.round((until - news.at) / 60_000)} minutes of this question it is taken back.`
          : `It is taken back at ${new Date(until).toISOString().slice(0, 16).replace('T', ' ')} UTC, for they are nobody here who could answer.`
        : 'They cannot be asked here, and it stays.',
    ],
    commands: [],
    remedies: isAsked
      ? [
          { do: 'was-me', change },
          { do: 'was-not-me', change },
        ]
      : [],
  };
}

function changeWords({ data }: News): string {
  const what = data['what'] as unknown as RightsChange;
  const author = String(data['author']);
  if (what.kind === 'owner')
    return `${author} gave ${what.service} (${what.environment}) from team ${what.before.team} to ${what.after.team}`;
  const rights = what.grants.map(({ role, team }) => `${role} of ${team === '*' ? 'all teams' : team}`).join(', ');
  return `${author} made a token for ${what.subject}: ${rights}`;
}

function said(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function wordsOfRun(topic: TopicOfRun, { news, run, report }: Told, place: string): Words {
  const { data, runId } = news;
  const text = (name: string) => (typeof data[name] === 'string' ? data[name] : '');
  const name = run?.experiment.name ?? 'a run';
  const read = { does: 'Report', command: `haldane report ${quoted(runId ?? '')}` };
  const abort = { does: 'Abort', command: commandOf('abort', runId ?? '') };
  const remedies: readonly Remedy[] = runId === null ? [] : [{ do: 'abort', runId }];
  switch (topic) {
    case 'started':
      return { headline: `${place}: ${name} begins`, lines: run === null ? [] : beginning(run), commands: [abort], remedies };
    case 'stopped':
      return {
        headline: `${place}: ${name} is stopped (${text('reason')})`,
        lines: [`Why: ${text('why')}`, 'Users leave first; then everything is put back.'],
        commands: [read],
        remedies: [],
      };
    case 'stuck':
      return {
        headline: `${place}: not everything of ${name} could be put back`,
        lines: [...listed(data['what']), ...listed(data['stuck']), ...listed(data['kept'])].concat(
          'Haldane goes on trying, and nothing else runs on this service until everything is back.',
        ),
        commands: [read],
        remedies: [],
      };
    case 'restored':
      return { headline: `${place}: what was left of ${name} is put back now`, lines: [], commands: [read], remedies: [] };
    case 'verdict':
      return {
        headline: `${place}: ${name}, ${text('verdict')}`,
        lines: judged(report, run, text('headline')),
        commands: [read],
        remedies: [],
      };
  }
}

/** What will happen to whom, before it does. */
function beginning({ experiment, facts }: Run): readonly string[] {
  const { share, exposure, budget, baselineSeconds, watchSeconds, fault } = experiment;
  return [
    `${experiment.about === '' ? experiment.scenario.id : experiment.about}${fault ? '' : ' (a rehearsal: nothing harmful is done)'}`,
    exposure === 'synthetic'
      ? 'No real user is exposed.'
      : `${percent(share)} of real users in the experiment, at most ${budget.failures} of their requests fail.`,
    `Revision ${facts.deployment?.revision ?? 'unknown'}; about ${Math.ceil((baselineSeconds + watchSeconds) / 60)} min.`,
  ];
}

function judged(report: Report | null, run: Run | null, headline: string): readonly string[] {
  const verdict = report === null ? null : verdictOf(report);
  const back = run === null ? null : isBack(run.facts);
  return [
    ...(report === null ? [headline] : sentences(report)),
    ...(verdict === null
      ? []
      : (['held', 'served', 'noticed'] as const).map((mark) => `${mark}: ${verdict[mark].mark}, ${verdict[mark].why}`)),
    ...(verdict === null ? [] : otherReasons(verdict).slice(0, 3)),
    ...(back === null ? [] : [back ? 'Everything is put back.' : 'NOT EVERYTHING IS PUT BACK.']),
  ];
}

function blockedWords({ service, environment, data }: News, place: string): Words {
  const revision = String(data['revision']);
  const blocking = listed(data['blocking']);
  const held = blocking.slice(0, 3);
  return {
    headline: `${place}: the gate holds ${revision}`,
    lines: [String(data['why'] ?? blocking.join(', ')), 'A roll-back to what was live is always allowed.'],
    commands: [
      ...held.map((experiment) => ({
        does: 'Accept the risk',
        command: commandOf('accept-risk', service, environment, experiment, '--days', '7'),
      })),
      { does: 'Let it through', command: commandOf('break-glass', service, environment, revision) },
    ],
    remedies: held.map((experiment) => ({ do: 'resolve', service, environment, experiment, revision })),
  };
}

function listed(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** A command that takes a reason. */
function commandOf(...words: readonly string[]): string {
  return `haldane ${words.map(quoted).join(' ')} --why "..."`;
}

/** A word as a shell takes it for one, whatever is in it: a revision is what a pipeline said. */
function quoted(word: string): string {
  if (/^[\w./:@][\w./:@-]*$/.test(word) || /^--\w+$/.test(word)) return word;
  return `'${word.replace(/\p{Cc}+/gu, ' ').replaceAll("'", "'\\''")}'`;
}
