import { type Grant, HaldaneError, type Scope, type ServiceRef, type Token } from '@haldane/core';
import { type Capability, holds } from './capabilities.ts';

/** What one wants to reach: a service of a team, a team's own affairs, or the whole house. */
export type Target = { readonly team: string | null; readonly service?: ServiceRef };

/** Somebody who was let in, and what they may do. */
export class Caller {
  readonly token: Pick<Token, 'id' | 'subject' | 'grants' | 'scope'> & { readonly expiresAt: number | null };
  constructor(token: Caller['token']) {
    this.token = token;
  }

  /** Whether a grant reaches the target and the token is not narrowed to something else. A team of null is the whole house. */
  may(capability: Capability, target: Target): boolean {
    const reaches = ({ role, team }: Grant) => (team === '*' || team === target.team) && holds(role, capability);
    return this.token.grants.some(reaches) && withinScope(this.token.scope, target.service);
  }

  /** Throws `forbidden`, naming what it takes. */
  require(capability: Capability, target: Target): void {
    if (this.may(capability, target)) return;
    const where = target.team === null ? 'all teams (*)' : `team ${target.team}`;
    const what = target.service === undefined ? '' : ` for ${target.service.service} in ${target.service.environment}`;
    throw new HaldaneError(
      'forbidden',
      `${this.token.subject} may not ${capability.replace('-', ' ')}${what}: it needs a role in ${where} that includes it, and a token that is not narrowed to something else`,
    );
  }

  /** Throws `forbidden` unless the token may be used for this operation at all. */
  requireOperation(id: string): void {
    const { operations } = this.token.scope;
    if (operations !== null && !operations.includes(id))
      throw new HaldaneError('forbidden', `this token is narrowed to ${operations.join(', ')}; ${id} is not among them`);
  }

  /** Teams in which one may do it; null means all. */
  teams(capability: Capability): readonly string[] | null {
    const teams = this.token.grants.filter(({ role }) => holds(role, capability)).map(({ team }) => team);
    return teams.includes('*') ? null : teams;
  }

  /** Whether every team that the token reaches is one that the caller administers. */
  administers({ grants }: Pick<Token, 'grants'>): boolean {
    return grants.every(({ team }) => this.may('administer', { team: team === '*' ? null : team }));
  }

  /** Whether the token reaches everything that its grants do. */
  get isWhole(): boolean {
    return Object.values(this.token.scope).every((narrowed) => narrowed === null);
  }
}

/** By what a person who presses buttons is known in place of a token. */
export function slackId(member: string): string {
  return `slack:${member}`;
}

/** Whether it is a person who pressed a button: whoever has a token of theirs alone is none. */
export function isOfSlack({ token }: Caller): boolean {
  return token.id.startsWith(slackId(''));
}

function withinScope({ services, environments }: Scope, service: ServiceRef | undefined): boolean {
  // A token for one service is not one for the affairs of the whole team.
  if (service === undefined) return services === null && environments === null;
  return (services?.includes(service.service) ?? true) && (environments?.includes(service.environment) ?? true);
}
