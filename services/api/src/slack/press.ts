import { HaldaneError, type Remedy } from '@haldane/core';

/** A button that somebody pressed in Slack. */
export type Press = {
  /** Workspace and member, `T…/U…`. */
  readonly who: string;
  readonly remedy: Remedy;
  /** Where an answer can be said; null when Slack named no place. */
  readonly replyTo: string | null;
};

/** An operation of the API that a press comes to. */
export type Asked = { readonly id: string; readonly method: 'POST'; readonly path: string; readonly body: object; readonly words: string };

/** What a person may do by buttons, whatever else they may. */
export const pressable = ['abortRun', 'approveScenario', 'resolveFinding', 'answerRightsChange'] as const;

/** Reads the body of an interaction (a form whose `payload` is JSON). Null for one that is none of our buttons. Throws `bad-request`. */
export function pressOf(body: string): Press | null {
  const payload = parsed(new URLSearchParams(body).get('payload') ?? '');
  const {
    type,
    team,
    user,
    actions,
    response_url: replyTo,
  } = payload as {
    type?: unknown;
    team?: { id?: unknown };
    user?: { id?: unknown; team_id?: unknown };
    actions?: readonly { action_id?: unknown; value?: unknown }[];
    response_url?: unknown;
  };
  const [action] = Array.isArray(actions) ? actions : [];
  if (type !== 'block_actions' || !String(action?.action_id).startsWith('haldane-')) return null;
  const remedy = parsed(String(action?.value ?? '')) as Remedy;
  if (!isRemedy(remedy)) throw new HaldaneError('bad-request', 'the button says nothing that can be done here');
  const who = `${String(team?.id ?? user?.team_id)}/${String(user?.id)}`;
  return { who, remedy, replyTo: typeof replyTo === 'string' ? replyTo : null };
}

/** What a press asks of the API. */
export function askedBy({ remedy, who }: Press): Asked {
  const why = `pressed in Slack by ${who}`;
  const at = (...parts: readonly string[]) => parts.map(encodeURIComponent).join('/');
  switch (remedy.do) {
    case 'abort':
      return {
        id: 'abortRun',
        method: 'POST',
        path: `/v1/runs/${at(remedy.runId)}/abort`,
        body: { why },
        words: `stopped run ${remedy.runId}`,
      };
    case 'approve': {
      const { service, environment, scenario } = remedy;
      const path = `/v1/services/${at(service, environment)}/approvals`;
      return {
        id: 'approveScenario',
        method: 'POST',
        path,
        body: { scenario, why },
        words: `approved ${scenario} for ${service} in ${environment}`,
      };
    }
    case 'resolve': {
      const { service, environment, experiment, revision } = remedy;
      const path = `/v1/services/${at(service, environment)}/gate/resolutions`;
      const words = `resolved ${experiment} at ${revision} for ${service} in ${environment}`;
      return { id: 'resolveFinding', method: 'POST', path, body: { experiment, revision, why }, words };
    }
    case 'was-me':
    case 'was-not-me': {
      const mine = remedy.do === 'was-me';
      const words = mine ? 'says that it was them; it stays' : 'says that it was not them; it is taken back';
      return { id: 'answerRightsChange', method: 'POST', path: `/v1/rights/${at(remedy.change)}/answer`, body: { mine }, words };
    }
  }
}

const fields: Readonly<Record<Remedy['do'], readonly string[]>> = {
  abort: ['runId'],
  approve: ['service', 'environment', 'scenario'],
  resolve: ['service', 'environment', 'experiment', 'revision'],
  'was-me': ['change'],
  'was-not-me': ['change'],
};

function isRemedy(value: unknown): value is Remedy {
  const said = (value ?? {}) as Readonly<Record<string, unknown>>;
  const wanted = Object.hasOwn(fields, String(said['do'])) ? fields[said['do'] as Remedy['do']] : null;
  return wanted?.every((name) => typeof said[name] === 'string' && said[name] !== '') ?? false;
}

function parsed(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Said below.
  }
  throw new HaldaneError('bad-request', 'this is no interaction of Slack: a form with a field "payload", which is JSON');
}
