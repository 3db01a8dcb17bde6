import { join } from 'node:path';
import { gateAnswer, type SignedHook } from '@haldane/api';
import { type Clock, HaldaneError, type HeldDeploy, hasCode, type JsonObject, messageOf } from '@haldane/core';
import type { AppDoor } from '@haldane/notifiers';
import { type Between, type DeployAnswer, type DeployAsked, GitHubApp, lookAtDeploy, progressOf, readGitHubApp } from '@haldane/pipelines';
import type { Store } from '@haldane/store';
import type { Look } from './look.ts';
import type { RuleRights } from './rule-rights.ts';
import { textIfThere } from './text-if-there.ts';

type Parts = { readonly dataDir: string; readonly env: Readonly<Record<string, string>>; readonly clock: Clock };
type LookParts = {
  readonly store: Pick<Store, 'audit' | 'gate' | 'policy'>;
  readonly rights: RuleRights;
  readonly clock: Clock;
};

/** Reads `haldane.github.yaml` in the data folder; null when there is none. Throws `bad-document`, also for a secret that is not there. */
export async function gitHubAppOf({ dataDir, env, clock }: Parts): Promise<GitHubApp | null> {
  const path = join(dataDir, 'haldane.github.yaml');
  const text = await textIfThere(path);
  if (text === null) return null;
  return new GitHubApp(readGitHubApp(text, path), env, clock);
}

/** The App as receivers of notices write by it. */
export function gitHubDoor(app: GitHubApp, known: Pick<AppDoor, 'gate' | 'report'>): AppDoor {
  const { id, api, seal, login } = app;
  return { app: id, api, seal, tokenOf: (repository, permissions, signal) => login.tokenOf(repository, permissions, signal), ...known };
}

/** Takes what GitHub sends: a deploy that waits is noted, once, before GitHub hears that it was heard. */
export function gitHubHook(app: GitHubApp, { deploys, audit }: Pick<Store, 'deploys' | 'audit'>): SignedHook {
  return async ({ headers, body, from }) => {
    const event = { event: headers['x-github-event'], signature: headers['x-hub-signature-256'], body };
    const { says, deploy } = app.receive(event);
    if (deploy === null) return { says };
    const { id, asked, rule, name } = deploy;
    // Written first, and so also of a deploy that is known already.
    const act = { who: `GitHub: ${asked.repository}`, token: null, from, did: 'holdDeploy', to: wordsOf(rule) };
    await audit.append({
      ...act,
      outcome: 'allowed',
      code: null,
      detail: { deploy: id, environment: asked.environment, revision: asked.revision },
    });
    const isNew = await deploys.hold({ id, rule: name, asked: { ...asked } });
    return { says: isNew ? says : `${says} already` };
  };
}

/** Looks at deploys that wait at GitHub: through the API like any pipeline, with rights for the rule's service alone. */
export function gitHubLook(app: GitHubApp, { store, rights, clock }: LookParts): Look {
  return async (deploy, signal) => {
    const rule = app.rule(deploy.rule);
    if (rule === null) throw new HaldaneError('internal', `a deploy was taken by the rule ${deploy.rule}, which is not here`);
    const asked = deploy.asked as DeployAsked;
    const service = { service: rule.service, environment: rule.testedIn };
    const client = await rights.clientFor(service, { subject: `GitHub: ${deploy.rule}`, madeBy: 'haldane.github.yaml' });
    const progress = progressOf(deploy.progress);
    let refusal = '';
    const tell: typeof app.tell = async (...told) => {
      try {
        await app.tell(...told);
      } catch (error) {
        // What GitHub takes no word of is another's, over, or told by somebody who died before saying so. Only an answer can tell which, and ends it.
        if (!hasCode(error, 'bad-request')) throw error;
        refusal = ` (${messageOf(error)})`;
      }
    };
    const between: Between = {
      client,
      peek: (service, revision, live) => gateAnswer({ store }, service, revision, live),
      live: app.live.bind(app),
      tell,
      link: app.link,
      now: () => clock.now(),
    };
    const seen = await lookAtDeploy({ asked, progress }, rule, between, signal);
    if ('answered' in seen) return { answered: `${stateOf(seen.answered)}: ${seen.answered.comment}${refusal}` };
    const { answer } = seen.progress;
    // Before it is kept, and so before GitHub hears of it.
    if (answer !== undefined)
      await noteAnswer(store, deploy, wordsOf(rule), 'allowed', { state: stateOf(answer), comment: answer.comment });
    return { progress: { ...seen.progress } as JsonObject, againMs: seen.againMs };
  };
}

/** Writes down that what waited will not be answered. */
export async function noteGivenUp(store: LookParts['store'], held: HeldDeploy, why: string): Promise<void> {
  await noteAnswer(store, held, held.rule, 'failed', { why });
}

async function noteAnswer(
  { audit }: LookParts['store'],
  { id, asked }: HeldDeploy,
  to: string,
  outcome: 'allowed' | 'failed',
  more: JsonObject,
): Promise<void> {
  const { repository, deployment, revision } = asked as Partial<DeployAsked>;
  const deploy = repository === undefined ? { stage: id } : { repository, deployment: deployment ?? 0, revision: revision ?? '' };
  await audit.append({
    who: 'Haldane',
    token: null,
    from: 'the doorman',
    did: 'answerDeploy',
    to,
    outcome,
    code: outcome === 'failed' ? 'unavailable' : null,
    detail: { ...deploy, ...more },
  });
}

function stateOf({ state }: DeployAnswer): string {
  return state ?? 'left to a person';
}

function wordsOf({ service, testedIn }: { readonly service: string; readonly testedIn: string }): string {
  return `service ${service} in ${testedIn}`;
}
