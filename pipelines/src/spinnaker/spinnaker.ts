import { HaldaneError, type JsonObject } from '@haldane/core';
import type { Described, Live, LiveReader, LiveSource, Outside } from '../live-source.ts';
import { asAnswered, readJson } from '../read-json.ts';
import { deploying } from './deploying.ts';
import {
  type Execution,
  executionsSchema,
  type ServerGroup,
  serverGroupSchema,
  serverGroupsSchema,
  type Task,
  tasksSchema,
} from './gate-answers.ts';
import { type GateSettings, gateSettingsSchema } from './gate-settings.ts';
import { releaseOf } from './release-of.ts';

/** Executions and tasks under way that are asked for, of each pipeline. */
const mostExecutions = 100;

/** Spinnaker, asked through Gate: the server group that takes traffic, and what is being done to its cluster. */
export const spinnaker: LiveSource = { id: 'spinnaker', settings: gateSettingsSchema, open };

function open(settings: GateSettings, about: Described, { env, clock, egress, answerWithinMs }: Outside): LiveReader {
  const { application, account, region, harmless } = settings;
  const cluster = settings.cluster ?? about.cluster ?? about.service;
  const headers = credentials(settings, env);
  const ask = async <T>(path: string, schema: JsonObject, signal: AbortSignal): Promise<T> => {
    const url = new URL(`${settings.gate.replace(/\/+$/, '')}/applications/${encodeURIComponent(application)}${path}`);
    const { json } = await readJson(url, { who: 'Gate', headers, clock, egress, answerWithinMs }, signal);
    return asAnswered<T>(schema, json, 'Gate', url.pathname);
  };
  const running = `statuses=RUNNING,PAUSED,SUSPENDED&limit=${mostExecutions}`;
  return async (signal) => {
    const [groups, executions, tasks] = await Promise.all([
      ask<readonly ServerGroup[]>(
        `/clusters/${encodeURIComponent(account)}/${encodeURIComponent(cluster)}/serverGroups`,
        serverGroupsSchema,
        signal,
      ),
      ask<readonly Execution[]>(`/pipelines?${running}&expand=true`, executionsSchema, signal),
      ask<readonly Task[]>(`/tasks?${running}&page=1`, tasksSchema, signal),
    ]);
    const taking = takingTraffic(groups, cluster, region);
    const [newest] = taking;
    const path = `/serverGroups/${encodeURIComponent(account)}/${encodeURIComponent(newest.region)}/${encodeURIComponent(newest.name)}`;
    const group = await ask<ServerGroup>(path, serverGroupSchema, signal);
    const rolling =
      taking.length === 1
        ? []
        : [`${taking.length} server groups of ${cluster} take traffic: ${taking.map(({ name }) => name).join(', ')}`];
    return {
      cluster: group.name,
      release: releaseOf(group, [...rolling, ...deploying(executions, tasks, { account, cluster, harmless })]),
    } satisfies Live;
  };
}

function credentials({ tokenEnv, user, passwordEnv }: GateSettings, env: Outside['env']): Readonly<Record<string, string>> {
  if (tokenEnv !== undefined) return { authorization: `Bearer ${env[tokenEnv] ?? ''}` };
  if (user === undefined || passwordEnv === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`${user}:${env[passwordEnv] ?? ''}`).toString('base64')}` };
}

/** Those that are enabled and have instances, the newest first. Throws `not-found` when there is none, or when they are in several regions. */
function takingTraffic(
  groups: readonly ServerGroup[],
  cluster: string,
  region: string | undefined,
): readonly [ServerGroup, ...ServerGroup[]] {
  const [newest, ...others] = groups
    .filter((one) => region === undefined || one.region === region)
    .filter((one) => one.disabled !== true && one.isDisabled !== true && (one.instanceCounts?.total ?? one.capacity?.desired ?? 1) > 0)
    .sort((a, b) => (b.createdTime ?? 0) - (a.createdTime ?? 0));
  if (newest === undefined)
    throw new HaldaneError(
      'not-found',
      `no server group of ${cluster} takes traffic${region === undefined ? '' : ` in ${region}`}; there are ${groups.map(({ name }) => name).join(', ') || 'none'}`,
    );
  const regions = [...new Set([newest, ...others].map((one) => one.region))];
  if (regions.length > 1)
    throw new HaldaneError('not-found', `${cluster} takes traffic in ${regions.join(', ')}: name one as pipeline.spinnaker.region`);
  return [newest, ...others];
}
