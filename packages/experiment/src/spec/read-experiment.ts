import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import {
  type ExperimentSpec,
  type Exposure,
  HaldaneError,
  hasCode,
  type JsonObject,
  messageOf,
  type Scenario,
  type ServiceRef,
  type SliceMode,
  type SlicePlan,
  type StickyKey,
} from '@haldane/core';
import { badDocument, checkValue, type EnvironmentMap, type Finding, type Problem, readDocument } from '@haldane/documents';
import { schemaFor } from './experiment.schema.ts';

/** An experiment as it stands in the file, with defaults written in: what the schema lets through. */
type ExperimentFile = {
  readonly name: string;
  readonly about: string;
  readonly service: string;
  readonly scenario: { readonly id: string; readonly params: JsonObject };
  readonly fault: boolean;
  readonly platform: string;
  readonly pipeline: string;
  readonly metrics: string;
  readonly share: number;
  readonly slice: {
    readonly mode: SliceMode;
    readonly routes: readonly string[];
    readonly key: string;
    readonly never: {
      readonly keys: readonly string[];
      readonly routes: readonly string[];
      readonly headers: Readonly<Record<string, readonly string[]>>;
    };
    readonly atMost?: number;
    readonly ramp: readonly { readonly share: number; readonly requests: number; readonly for: number }[];
  };
  readonly traffic?: number;
  readonly exposure: Exposure;
  readonly instances: number;
  readonly controlTimes: number;
  readonly baseline: number;
  readonly watch: number;
  readonly probes: { readonly legitimate: number; readonly hostile: number; readonly clean: number };
  readonly budget: { readonly failures: number; readonly users?: number; readonly slowerThan: number };
  readonly tolerance: { readonly odds: number; readonly points: number; readonly latency: number };
  readonly background: number;
  readonly alpha: number;
  readonly contact: number;
  readonly noticed?: {
    readonly alerts: string;
    readonly rules: readonly string[];
    readonly receiver: string;
    readonly within: number;
    readonly fields: readonly string[];
    readonly heartbeat?: string;
    readonly heartbeatWithin: number;
  };
};

export type ReadExperimentOptions = {
  readonly text: string;
  /** The file's path; the manifest's path is relative to its folder. */
  readonly source: string;
  readonly env?: EnvironmentMap;
  readonly scenarios: readonly Scenario[];
  /** The service that the manifest at this absolute path describes. Its `not-found` becomes a problem of the field `service`. */
  readonly serviceAt: (manifestPath: string) => ServiceRef | Promise<ServiceRef>;
  /** Ids that exist, where the caller knows them: a field that names another is refused. */
  readonly known?: {
    readonly platforms?: readonly string[];
    readonly pipelines?: readonly string[];
    readonly metrics?: readonly string[];
    readonly alerts?: readonly string[];
  };
};

const wider: readonly Exposure[] = ['synthetic', 'reads', 'all'];

/**
 * The experiment of a YAML file with every default written in, also those of the scenario's own params. The exposure is
 * at most what is safe for the scenario. Throws `bad-document` with every problem: path, line, what is wrong, how to fix it.
 */
export async function readExperiment(options: ReadExperimentOptions): Promise<ExperimentSpec> {
  const { text, source, env = {}, scenarios } = options;
  const file = readDocument<ExperimentFile>({
    text,
    source,
    what: 'experiment',
    schema: (raw) => schemaFor(raw, scenarios),
    env,
    check: (value) => rules(value, options),
  });
  const scenario = scenarios.find((one) => one.id === file.scenario.id);
  if (!scenario) throw new HaldaneError('internal', `the schema let the scenario "${file.scenario.id}" through`);
  const manifest = resolve(dirname(source), file.service);
  const { service, environment } = await describedService(options, file.service, manifest);
  const { name, about, fault, platform, pipeline, metrics, share, instances, budget, tolerance, alpha, contact, controlTimes } = file;
  return {
    service,
    environment,
    name,
    about,
    scenario: file.scenario,
    fault,
    platform,
    pipeline,
    metrics,
    manifest,
    share,
    slice: sliceOf(file.slice),
    expectedRate: file.traffic ?? null,
    exposure: wider[Math.min(wider.indexOf(file.exposure), wider.indexOf(scenario.exposure))] ?? 'synthetic',
    instances,
    ...(controlTimes === 1 ? {} : { controlTimes }),
    baselineSeconds: file.baseline,
    watchSeconds: file.watch,
    probes: { legitimateRate: file.probes.legitimate, hostileRate: file.probes.hostile, cleanAnswers: file.probes.clean },
    budget: {
      failures: budget.failures,
      ...(budget.users === undefined ? {} : { users: budget.users }),
      latencyLimitMs: Math.round(budget.slowerThan * 1000),
    },
    // The file speaks of percentage points, the run of shares.
    tolerance: { odds: tolerance.odds, points: tolerance.points / 100, latency: tolerance.latency },
    background: file.background,
    alpha,
    contact,
    noticed: file.noticed
      ? {
          source: file.noticed.alerts,
          expect: {
            rules: file.noticed.rules,
            receiver: file.noticed.receiver,
            withinSeconds: file.noticed.within,
            fields: file.noticed.fields,
          },
          ...(file.noticed.heartbeat === undefined ? {} : { heartbeatRule: file.noticed.heartbeat }),
          heartbeatWithinSeconds: file.noticed.heartbeatWithin,
        }
      : null,
  };
}

function sliceOf({ mode, routes, key, never, atMost, ramp }: ExperimentFile['slice']): SlicePlan {
  return {
    mode,
    routes,
    key: keyOf(key),
    never: {
      // What tells a user is his own: the run keeps a digest that only his key leads to.
      keys: never.keys.map((one) => createHash('sha256').update(one).digest('hex')),
      routes: never.routes,
      headers: Object.entries(never.headers).map(([name, values]) => ({ name, values })),
    },
    ...(atMost === undefined ? {} : { perSecond: atMost }),
    ramp: ramp.map((stage) => ({ share: stage.share, requests: stage.requests, seconds: stage.for })),
  };
}

/** `cookie`, `address`, `header NAME` or `claim NAME`, as the schema let it through. */
function keyOf(written: string): StickyKey {
  const [from, name = ''] = written.split(' ');
  if (from === 'header' || from === 'claim') return { from, name };
  return { from: from === 'address' ? 'address' : 'cookie' };
}

async function describedService(options: ReadExperimentOptions, written: string, manifest: string): Promise<ServiceRef> {
  try {
    return await options.serviceAt(manifest);
  } catch (error) {
    if (!hasCode(error, 'not-found')) throw error;
    const line = options.text.split('\n').findIndex((one) => one.startsWith('service:'));
    throw badDocument({ source: options.source, what: 'experiment' }, [
      {
        path: 'service',
        message: `"${written}" cannot be read as a manifest (${messageOf(error)}); write its path relative to this file`,
        line: line < 0 ? null : line + 1,
        column: line < 0 ? null : 1,
      },
    ]);
  }
}

/** What no schema can say of an experiment. */
function rules(file: ExperimentFile, { known = {} }: ReadExperimentOptions): readonly Finding[] {
  const unknown = (key: 'platform' | 'pipeline' | 'metrics', ids: readonly string[] | undefined): readonly Finding[] =>
    ids === undefined || ids.includes(file[key])
      ? []
      : [{ keys: [key], message: `there is no ${key} "${file[key]}" here; known: ${ids.join(', ')}`, about: 'value' }];
  const alerts = file.noticed && known.alerts && !known.alerts.includes(file.noticed.alerts) ? file.noticed.alerts : null;
  const answers = Math.floor(file.probes.hostile * file.watch);
  return [
    ...sliceRules(file),
    ...unknown('platform', known.platforms),
    ...unknown('pipeline', known.pipelines),
    ...unknown('metrics', known.metrics),
    ...(alerts === null
      ? []
      : [
          {
            keys: ['noticed', 'alerts'],
            message: `there is no source of alerts "${alerts}" here; known: ${known.alerts?.join(', ') ?? ''}`,
            about: 'value',
          } as const,
        ]),
    ...(answers < file.probes.clean
      ? [
          {
            keys: ['probes', 'clean'],
            message: `${file.probes.clean} clean answers never come: ${file.probes.hostile}/s for ${file.watch}s are ${answers}; raise "hostile" or "watch", or ask for fewer`,
            about: 'value',
          } as const,
        ]
      : []),
    ...(file.noticed?.heartbeat !== undefined && file.noticed.rules.includes(file.noticed.heartbeat)
      ? [
          {
            keys: ['noticed', 'heartbeat'],
            message: `"${file.noticed.heartbeat}" is among "rules", too: the heartbeat would count as the alert that is waited for; name another rule`,
            about: 'value',
          } as const,
        ]
      : []),
    ...(file.noticed && file.noticed.within > file.watch
      ? [
          {
            keys: ['noticed', 'within'],
            message: `${file.noticed.within}s is longer than the run watches (${file.watch}s); raise "watch" or ask for it sooner`,
            about: 'value',
          } as const,
        ]
      : []),
  ];
}

/** What no schema can say of the treatment of users. */
function sliceRules({ slice, share, watch }: ExperimentFile): readonly Finding[] {
  const { mode, routes, ramp } = slice;
  const shares = [...ramp.map((stage) => stage.share), share];
  const shrinks = shares.findIndex((one, i) => i > 0 && one <= (shares[i - 1] as number));
  const lasts = ramp.reduce((sum, stage) => sum + stage.for, 0);
  return [
    ...(mode === 'mirror' && routes.length === 0
      ? [
          {
            keys: ['slice', 'routes'],
            message: 'nothing is mirrored unless it is named; list the safe routes that may be copied, like GET /orders/*',
            about: 'value',
          } as const,
        ]
      : []),
    ...(shrinks > 0
      ? [
          {
            keys: ['slice', 'ramp', shrinks - 1, 'share'],
            message: `a ramp grows: each share is less than the next one, and the last is less than "share" (${share * 100}%)`,
            about: 'value',
          } as const,
        ]
      : []),
    ...(lasts >= watch
      ? [
          {
            keys: ['slice', 'ramp'],
            message: `its stages take ${lasts}s, and the run watches ${watch}s; raise "watch" or shorten "for"`,
            about: 'value',
          } as const,
        ]
      : []),
  ];
}

/** A scenario's params that came from no file, checked against its own schema: with defaults, and what is wrong at `path`. */
export function checkParams(
  schema: JsonObject,
  params: JsonObject,
  path = 'scenario.params',
): { readonly params: JsonObject; readonly problems: readonly Problem[] } {
  const { value, problems } = checkValue(schema, params, path.split('.'));
  return { params: value as JsonObject, problems };
}
