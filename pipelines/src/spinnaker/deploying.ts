import type { Execution, Stage, Task } from './gate-answers.ts';

/** The service's place in Spinnaker, and the stages that its owner says do not change it. */
export type Place = { readonly account: string; readonly cluster: string; readonly harmless: readonly string[] };

/** Stages of Orca that change no server group, and ours. Whatever is not known is taken for a deploy. */
const harmless = new Set([
  'bake',
  'checkPreconditions',
  'evaluateVariables',
  'findArtifactFromExecution',
  'findArtifactsFromResource',
  'findImage',
  'findImageFromTags',
  'haldane',
  'haldaneChoice',
  'haldaneChoiceGate',
  'haldaneGate',
  'manualJudgment',
  'wait',
]);

const underWay = new Set(['RUNNING', 'PAUSED', 'SUSPENDED']);

/** How many are named; more are only counted. */
const mostNamed = 5;

/**
 * What changes the service at this moment, each in words. An execution that is under way is no deploy by itself, for it may be the one that asked
 * for the experiment and waits for it: a stage of it that is under way is, unless its type changes nothing or it names another place.
 */
export function deploying(executions: readonly Execution[], tasks: readonly Task[], place: Place): readonly string[] {
  const found = [
    ...executions.flatMap((one) => of(one, `pipeline "${one.name ?? one.id}" (${one.id})`, place)),
    ...tasks.flatMap((one) => of(one.execution, `task "${one.name ?? one.id}" (${one.id})`, place)),
  ];
  const more = found.length - mostNamed;
  return more > 0 ? [...found.slice(0, mostNamed), `and ${more} more`] : found;
}

function of({ stages }: Execution, whose: string, place: Place): readonly string[] {
  const byId = new Map(stages.map((stage) => [stage.id, stage]));
  const changing = stages.filter((stage) => underWay.has(stage.status) && changes(stage, byId, place));
  // The stages that a stage is made of say nothing that it does not say.
  const ids = new Set(changing.map(({ id }) => id));
  return changing
    .filter(({ parentStageId }) => !ids.has(parentStageId ?? ''))
    .map(({ name, type, status }) => `${whose}: stage "${name ?? type}" (${type}) is ${status.toLowerCase()}`);
}

function changes(stage: Stage, byId: ReadonlyMap<string, Stage>, place: Place): boolean {
  const line = lineOf(stage, byId);
  if (line.some(({ type }) => harmless.has(type) || place.harmless.includes(type))) return false;
  // What a stage does not say of its place, the one that it is part of does.
  const clusters = line.map(({ context }) => clustersIn(context ?? {})).find((named) => named.length > 0) ?? [];
  const account = line.map(({ context }) => accountIn(context ?? {})).find((named) => named !== null) ?? place.account;
  return account === place.account && (clusters.length === 0 || clusters.includes(place.cluster) || clusters.includes(null));
}

/** The stage, the one that it is part of, and so on. */
function lineOf(stage: Stage, byId: ReadonlyMap<string, Stage>): readonly Stage[] {
  const line: Stage[] = [];
  for (let one: Stage | undefined = stage; one !== undefined && !line.includes(one); one = byId.get(one.parentStageId ?? ''))
    line.push(one);
  return line;
}

type Context = { readonly [key: string]: unknown };

function accountIn(context: Context): string | null {
  return textOf(context['credentials']) ?? textOf(context['account']);
}

/** Every cluster that a stage's context names, in each of the ways in which stages of Orca do; null where it deploys to one without saying which. */
function clustersIn(context: Context): readonly (string | null)[] {
  const groups = [context['asgName'], context['serverGroupName'], ...list(context['serverGroupNames'])];
  const named = [
    context['cluster'],
    recordOf(context['moniker'])['cluster'],
    ...groups.map((name) => textOf(name)?.replace(/-v\d{3,}$/, '')),
    nameOfCluster(context),
  ].flatMap((name) => textOf(name) ?? []);
  return [...named, ...list(context['clusters']).map((one) => nameOfCluster(recordOf(one)))];
}

/** application-stack-detail, as Spinnaker names a cluster of these three; null where it is not said that there is neither stack nor detail. */
function nameOfCluster(context: Context): string | null {
  const application = textOf(context['application']);
  if (application === null || !('stack' in context || 'freeFormDetails' in context)) return null;
  const stack = textOf(context['stack']) ?? '';
  const detail = textOf(context['freeFormDetails']);
  return [application, ...(stack === '' && detail === null ? [] : [stack]), ...(detail === null ? [] : [detail])].join('-');
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function recordOf(value: unknown): Context {
  return typeof value === 'object' && value !== null ? (value as Context) : {};
}
