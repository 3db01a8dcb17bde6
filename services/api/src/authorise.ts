import type { Grant, HeldDeploy, NewToken, Run, ServiceRef } from '@haldane/core';
import { HaldaneError } from '@haldane/core';
import type { Caller } from './access/caller.ts';
import type { Capability } from './access/capabilities.ts';
import { requireRun, requireService } from './access/reach.ts';
import type { Desk } from './desk.ts';
import type { Logins } from './login/logins.ts';
import type { Route } from './routes.ts';
import { askedOf } from './stage-view.ts';

/** The parts of a request that say what it is about. */
export type Subject = { readonly params: unknown; readonly body: unknown };

/** What a request turned out to be about: in words for the audit log, and the run or stage when it is about one. */
export type Matter = {
  readonly to: string;
  readonly run: Run | null;
  readonly login: NewToken | null;
  readonly stage?: HeldDeploy;
};

/** What a request names, before anybody looks whether it is there or whether the caller may: the audit log says it of refused ones, too. */
export function namedBy({ operation }: Route, params: unknown): string {
  const { id, ref, service, environment } = params as Partial<ServiceRef> & { readonly id?: string; readonly ref?: string };
  if (operation.on === 'service') return serviceWords({ service: service ?? '', environment: environment ?? '' });
  if (ref !== undefined) return `the run with the key ${ref}`;
  return operation.on === 'run' ? `run ${id}` : 'nothing';
}

const filesWords = ({ file, experiments }: { readonly file?: string; readonly experiments?: string }) =>
  file === undefined ? `files ${experiments}` : `file ${file}`;
const serviceWords = ({ service, environment }: ServiceRef) => `service ${service} in ${environment}`;

/** Finds what the request is about and whether the caller may do this to it. Throws `forbidden` or `not-found`. */
export async function authorise(
  desk: Desk,
  logins: Logins,
  route: Route,
  caller: Caller | null,
  { params, body }: Subject,
): Promise<Matter> {
  const { id, operation } = route;
  if (operation.on === 'assertion') {
    const login = await logins.open((body as { login: string }).login);
    return { to: `a token for ${login.subject}`, run: null, login };
  }
  if (caller === null) return { to: 'nothing', run: null, login: null };
  caller.requireOperation(id);
  const capability = operation.may as Capability;
  switch (operation.on) {
    case 'run':
    case 'stage': {
      const { ref } = params as { ref?: string };
      const stage = operation.on === 'run' || ref === undefined ? null : await desk.store.deploys.stage(ref);
      if (stage !== null) {
        await requireService(desk, caller, capability, askedOf(stage));
        return { to: `the stage ${ref}`, run: null, login: null, stage };
      }
      const run = await runOf(desk, params as { id?: string; ref?: string });
      await requireRun(desk, caller, capability, run);
      return { to: `run ${run.id}`, run, login: null };
    }
    case 'service': {
      const { service, environment } = params as ServiceRef;
      await requireService(desk, caller, capability, { service, environment });
      return { to: serviceWords({ service, environment }), run: null, login: null };
    }
    case 'house':
      caller.require(capability, { team: null });
      return { to: 'everything', run: null, login: null };
    case 'grants': {
      const { grants } = body as { grants: readonly Grant[] };
      for (const { team } of grants) caller.require(capability, { team: team === '*' ? null : team });
      return { to: `teams ${grants.map(({ team }) => team).join(', ')}`, run: null, login: null };
    }
    case 'token': {
      const wanted = (params as { id: string }).id;
      const token = await desk.store.tokens.get(wanted);
      if (token === null) throw new HaldaneError('not-found', `there is no token "${wanted}"`);
      if (token.id !== caller.token.id && !caller.administers(token))
        throw new HaldaneError('forbidden', `${caller.token.subject} may not end token ${wanted}: an admin of its teams may`);
      return { to: `token ${token.id} of ${token.subject}`, run: null, login: null };
    }
    case 'file':
      // Whose it is stands in the file: asked through the permit, once that is read.
      return { to: filesWords(body as { file?: string; experiments?: string }), run: null, login: null };
    case 'login':
    case 'public':
    case 'sender':
    case 'signed':
      return { to: namedBy(route, params), run: null, login: null };
  }
}

async function runOf(desk: Desk, { id, ref }: { readonly id?: string; readonly ref?: string }): Promise<Run> {
  const run = id === undefined ? await desk.store.runs.find(ref ?? '') : await desk.store.runs.get(id);
  if (run === null)
    throw new HaldaneError(
      'not-found',
      `there is no run ${id ?? `with the key ${ref}`}; \`haldane report\` without a name shows the newest`,
    );
  return run;
}
