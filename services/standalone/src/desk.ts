import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Desk, WantedRun, WantedStage } from '@haldane/api';
import { type DefinitionView, definitionOf } from '@haldane/client';
import type { Clock, Deployment, ExperimentSpec, LaunchRecipe, Platform, Run, RunEvent, RunStore } from '@haldane/core';
import { HaldaneError, isZone } from '@haldane/core';
import type { Dataplane } from '@haldane/dataplane';
import { asItRuns, makePlan, objectionsTo, refusalsOf } from '@haldane/experiment';
import { ofOneService } from '@haldane/pipelines';
import { type ProductionState, sweep } from '@haldane/platforms';
import { type Report, reports, sealed, statementOf } from '@haldane/reports';
import { type House, loadExperiment, loadService, newRunId } from '@haldane/runner';
import { readCron } from '@haldane/scheduler';
import type { Store } from '@haldane/store';
import { requireOwnFile } from './own-files.ts';
import { reportPaths } from './report-paths.ts';
import type { SigningKeys } from './signing-keys.ts';
import { stagesOf } from './stages.ts';

/** What was done to a service so long before a run of it was there is about the run: it was asked for, and then planned. */
const beganWithinMs = 300_000;

export type DeskOptions = {
  readonly dataDir: string;
  readonly env: Readonly<Record<string, string>>;
  /** The folders that files are taken from; absent: any. */
  readonly files?: readonly string[] | undefined;
  readonly clock: Clock;
  readonly store: Store;
  readonly house: House;
  /** Whose schedules are made from the files of this disk. */
  readonly pool: string;
  /** Whose runners can drive a run on that platform. */
  readonly poolOn: (platform: string) => string;
  readonly dataplane: Dataplane;
  readonly signing: SigningKeys;
  /** Starts the service or updates it to this recipe. */
  readonly deploy: (recipe: LaunchRecipe, signal: AbortSignal) => Promise<ProductionState>;
};

/** What stands behind the API on one machine: reads files from this disk and starts processes here. */
export function desk(options: DeskOptions): Desk {
  const { store, house, env, clock } = options;
  const signal = () => AbortSignal.timeout(110_000);

  const permitFile = (file: string) => requireOwnFile(options.files, file);
  const load = (file: string) => loadExperiment(file, { env, scenarios: house.scenarios(), permitFile }, signal());

  /** A service that is there is left alone, whatever its file says by now: a run is no deploy. */
  const ensureUp = async (platform: Platform, source: string, recipe: LaunchRecipe | null) => {
    if (recipe !== null && (await platform.clusters.describe(source, signal())) === null) await options.deploy(recipe, signal());
  };

  const asRun = (id: string, spec: ExperimentSpec) => {
    const { service, environment } = spec;
    return { id, service, environment, experiment: spec, createdAt: clock.now() };
  };
  const objections = (id: string, spec: ExperimentSpec, deployment: Deployment, platform: Platform) =>
    objectionsTo({ policy: house.policy(platform), scenario: house.scenario(spec.scenario.id) }, asRun(id, spec), deployment, signal());

  /** Who must approve hears of it, once a day however often it is tried. */
  const askForApproval = async (id: string, spec: ExperimentSpec, deployment: Deployment, platform: Platform, who: string, why: string) => {
    const scenario = house.scenario(spec.scenario.id);
    if (!(await house.policy(platform).unapproved({ run: asRun(id, spec), deployment, scenario }))) return;
    const { service, environment } = spec;
    const once = ['approval', service, environment, scenario.id, scenario.version, new Date(clock.now()).toISOString().slice(0, 10)].join(
      ':',
    );
    const data = { scenario: scenario.id, experiment: spec.name, who, why };
    await store.outbox.announce({ topic: 'approval-asked', service, environment, runId: null, data }, once);
  };

  return {
    store,
    async plan(file, permit, find) {
      const { spec, manifest } = await load(file);
      await permit(spec, manifest.described.owner);
      const platform = house.platform(spec.platform);
      const scenario = house.scenario(spec.scenario.id);
      const deployment = await asItRuns(await house.pipeline(spec).interrogate(spec, signal()), platform, signal());
      const runId = newRunId();
      const plan = await makePlan(
        {
          runId,
          spec,
          deployment,
          platform,
          scenario,
          metrics: house.metrics(spec.metrics),
          alerts: house.alerts(spec),
          ...(find === undefined ? {} : { find }),
        },
        signal(),
      );
      return { ...plan, refusals: [...plan.refusals, ...(await objections(runId, spec, deployment, platform))] };
    },
    async define(file, permit) {
      const { spec, manifest } = await load(file);
      await permit(spec, manifest.described.owner);
      return definitionOf(spec);
    },
    async create(wanted: WantedRun, permit) {
      const { spec, manifest } = await load(wanted.file);
      await permit(spec, manifest.described.owner);
      const platform = house.platform(spec.platform);
      const said = await house.pipeline(spec).interrogate(spec, signal());
      // Nothing is started for a run that would be refused anyway.
      const refusals = refusalsOf(spec, said, platform, house.scenario(spec.scenario.id));
      if (refusals.length > 0) throw new HaldaneError('refused', refusals.join('; '));
      await ensureUp(platform, said.source, manifest.recipe);
      const deployment = await asItRuns(said, platform, signal());
      const id = newRunId();
      const objected = await objections(id, spec, deployment, platform);
      if (objected.length > 0) {
        const why = objected.join('; ');
        await askForApproval(id, spec, deployment, platform, wanted.by ?? 'a schedule', why);
        throw new HaldaneError('refused', why);
      }
      const experiment = { ...spec, fault: wanted.fault ?? spec.fault };
      return store.runs.create({
        id,
        service: spec.service,
        environment: spec.environment,
        experiment,
        key: wanted.key ?? null,
        pool: options.poolOn(spec.platform),
        ...(wanted.by === undefined ? {} : { by: wanted.by }),
        ...(wanted.unattended === undefined ? {} : { unattendedMs: wanted.unattended * 1000 }),
      });
    },
    async hold({ by, ...wanted }: WantedStage, permit) {
      const defined: (DefinitionView & { file: string })[] = [];
      for (const file of wanted.files) {
        const { spec, manifest } = await load(file);
        await permit(spec, manifest.described.owner);
        defined.push({ file, ...definitionOf(spec) });
      }
      const { service, environment } = ofOneService(defined);
      const { ref, checkout, unattended } = wanted;
      if (checkout !== null) await permitFile(checkout);
      const asked = { ...wanted, service, environment, files: [...wanted.files], paths: [...wanted.paths] };
      return store.deploys.holdStage({
        ref,
        rule: stagesOf(options.pool),
        asked,
        who: by,
        unattendedMs: unattended === null ? null : unattended * 1000,
      });
    },
    async deploy(file, permit) {
      await permitFile(file);
      const { recipe, described } = await loadService(file, env, signal());
      if (recipe === null)
        throw new HaldaneError(
          'bad-request',
          `${described.service} runs on platform ${described.platform} already; haldane up starts only services of this machine`,
        );
      await permit(recipe, described.owner);
      const { route } = await options.deploy(recipe, signal());
      return {
        service: recipe.service,
        environment: recipe.environment,
        revision: recipe.revision,
        address: `http://127.0.0.1:${route.port}`,
      };
    },
    async schedule(wanted, permit) {
      const { id, file, cron = null, zone = 'UTC', afterDeploy = false, jitterSeconds = 0, catchUp = 'once' } = wanted;
      if (cron === null && !afterDeploy)
        throw new HaldaneError('bad-request', 'cron: give a cron expression, or afterDeploy: true, or both');
      if (cron !== null) readCron(cron);
      if (!isZone(zone)) throw new HaldaneError('bad-request', `zone: "${zone}" is no time zone; write it like Europe/Berlin`);
      const { spec, manifest } = await load(file);
      await permit(spec, manifest.described.owner);
      await store.schedules.add({ id, file, pool: options.pool, cron, zone, afterDeploy, jitterSeconds, catchUp });
      const made = (await store.schedules.list()).find((one) => one.id === id);
      if (made === undefined) throw new HaldaneError('not-found', `schedule "${id}" was removed as soon as it was made`);
      return made;
    },
    scenarios: () =>
      house.scenarios().map(({ id, version, about, touchedBy }) => ({
        id,
        version,
        title: about.title,
        when: about.when,
        expects: about.then,
        undo: about.undo,
        detection: about.detection,
        touchedBy: touchedBy ?? null,
      })),
    sweep: (end) => sweep({ dataDir: options.dataDir, dataplane: options.dataplane, clock, now: clock.now(), end }),
    evidence: (id) => house.evidence(id),
    async report(run, format) {
      requireReported(run);
      return reports[format](await house.report(run));
    },
    async bundle(run) {
      requireReported(run);
      const { service, environment, createdAt } = run;
      const report = await house.report(run);
      const events = await eventsOf(store.runs, run.id);
      const audit = await store.audit.excerpt({
        run: run.id,
        service,
        environment,
        from: createdAt - beganWithinMs,
        until: events.at(-1)?.at ?? clock.now(),
      });
      return sealed(statementOf({ format: 'haldane-bundle/1', report, events, audit }), options.signing.key);
    },
    signingKeys: () => options.signing.known,
  };
}

function requireReported({ id, phase, facts }: Run): void {
  if (phase !== 'done' && facts.verdict === undefined)
    throw new HaldaneError('not-found', `run ${id} has no report yet: it is ${phase}; follow it with its events`);
}

async function eventsOf(runs: Pick<RunStore, 'events'>, id: string): Promise<readonly RunEvent[]> {
  const all: RunEvent[] = [];
  for (;;) {
    const page = await runs.events(id, all.at(-1)?.seq ?? 0, 1_000);
    all.push(...page);
    if (page.length < 1_000) return all;
  }
}

/** Writes the page and the evidence, for nobody but this user. */
export async function publish(dataDir: string, report: Report): Promise<void> {
  const paths = reportPaths(dataDir, report.run.id);
  await mkdir(join(dataDir, 'reports'), { recursive: true, mode: 0o700 });
  await writeFile(paths.html, reports.html(report), { mode: 0o600 });
  await writeFile(paths.json, reports.json(report), { mode: 0o600 });
}
