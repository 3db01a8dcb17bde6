import type { Owner, ServiceRef } from './service.ts';

/** What somebody may be in a team. None implies another: who runs experiments does not thereby approve them. */
export const roles = ['viewer', 'operator', 'approver', 'risk-owner', 'admin'] as const;
export type Role = (typeof roles)[number];

/** A role in one team. Services belong to teams; `*` is every team there is. */
export type Grant = { readonly role: Role; readonly team: string };

/** What a token is narrowed to beside its grants; null does not narrow. */
export type Scope = {
  /** Operations of the API by their ids. */
  readonly operations: readonly string[] | null;
  readonly services: readonly string[] | null;
  readonly environments: readonly string[] | null;
};

export const wholeScope: Scope = { operations: null, services: null, environments: null };

/** A token as everybody may see it: all but its secret, which is shown once and kept as a hash. Times are epoch ms. */
export type Token = {
  readonly id: string;
  /** Whom it stands for: a person's name at the login, a pipeline's repository, or what its maker called it. */
  readonly subject: string;
  readonly grants: readonly Grant[];
  readonly scope: Scope;
  readonly madeBy: string;
  readonly madeAt: number;
  readonly expiresAt: number;
  readonly revokedAt: number | null;
};

/**
 * Who changes rights, and after how long their silence takes it back; null: they are not asked, and it stays. Who `canAnswer` is silent only once the
 * question has reached them; of anybody else the time runs from the change.
 */
export type Watched = { readonly author: string; readonly withinMs: number | null; readonly canAnswer: boolean };

export type NewToken = Pick<Token, 'subject' | 'grants' | 'scope' | 'madeBy'> & {
  readonly livesMs: number;
  /** The token that it is made with: when that is taken back, so is this one. */
  readonly madeWith?: string;
  /** Whoever is asked whether it was them. */
  readonly watched?: Watched;
};

/** Tokens that let one in. Time is the store's own clock. */
export interface TokenStore {
  /** Makes a token; `secret` is told here and nowhere else. */
  issue(token: NewToken): Promise<{ readonly token: Token; readonly secret: string }>;
  /** The token that this secret opens with; null when it is unknown, expired or revoked, which nobody outside is told apart. */
  open(secret: string): Promise<Token | null>;
  /** Newest first, also those that are over. */
  list(limit: number): Promise<readonly Token[]>;
  get(id: string): Promise<Token | null>;
  /** Ends it now. Harmless when it is over already; throws `not-found`. */
  revoke(id: string): Promise<Token>;
  /** Notes that a login was used, by its digest, until it expires anyway. False when it was used before. */
  useOnce(digest: string, until: number): Promise<boolean>;
}

/** A service as its owner registered it: who may do what to it follows from the team. */
export type Registered = ServiceRef & { readonly owner: Owner; readonly registeredAt: number };

/** Which team owns which service. */
export interface ServiceRegister {
  get(service: ServiceRef): Promise<Registered | null>;
  /** Of these teams, or of all when null; by name. */
  list(teams: readonly string[] | null): Promise<readonly Registered[]>;
  /** Registers it if nobody has. Returns it as it is registered, which may be to another team. */
  register(service: ServiceRef, owner: Owner): Promise<Registered>;
  /** Gives it to another owner. `watched`: whoever is asked whether it was them. */
  move(service: ServiceRef, owner: Owner, watched?: Watched): Promise<Registered>;
}
