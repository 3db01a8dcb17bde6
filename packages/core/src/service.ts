import type { JsonObject } from './json.ts';

/** What is experimented on, by name: one run at a time holds a service and environment. */
export type ServiceRef = { readonly service: string; readonly environment: string };

export type Owner = { readonly team: string; readonly contact: string };

/** How a service reaches something it needs. `url` and `ca` stay with the platform; what is stored holds neither. */
export type Dependency = {
  readonly name: string;
  /** The environment variable that names its address. */
  readonly env: string;
  readonly as: 'http' | 'https' | 'tcp';
  /** The variable that takes a file of trusted certificates; without it https is only tcp to us. */
  readonly ca: string | null;
};

/** Work that reaches an instance by another way than the route, and how it is turned off in the arms. */
export type Intake = { readonly name: string; readonly kind: string; readonly off: Readonly<Record<string, string>> };

/** A request of Haldane's own that an instance must answer. */
export type SyntheticRequest = {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** The identity whose credential it carries, or null for none. */
  readonly as: string | null;
  /** Protected requests are what hostile variants are made of: without a valid credential they must be refused. */
  readonly protected: boolean;
};

/** Who synthetic requests are sent as. Secrets are names of variables, looked up when the run starts, stored nowhere. */
export type SyntheticIdentity = {
  readonly name: string;
  readonly token:
    | {
        readonly from: 'client-credentials';
        readonly url: string;
        readonly clientId: string;
        readonly clientSecretEnv: string;
        readonly form: Readonly<Record<string, string>>;
      }
    | { readonly from: 'static'; readonly valueEnv: string };
};

export type Synthetic = {
  readonly identities: readonly SyntheticIdentity[];
  readonly requests: readonly SyntheticRequest[];
  /** The identity provider's public keys, read once to forge with them; null when forging is not possible. */
  readonly jwksUrl: string | null;
  /** A request that makes the service's own detection raise its heartbeat alert; null when there is none. */
  readonly heartbeat: SyntheticRequest | null;
};

/** What the pipeline says is live. Holds no secret: the platform keeps commands, environment and addresses to itself. */
export type Deployment = ServiceRef & {
  readonly owner: Owner;
  /** Which pipeline said so. */
  readonly pipeline: string;
  readonly platform: string;
  readonly revision: string;
  /** What whoever deployed it calls the revision that runs, as far as anybody knows and nobody says otherwise; absent: nobody can tell. */
  readonly commit?: string;
  /** The production cluster's name on its platform. */
  readonly source: string;
  readonly instances: number;
  readonly route: string;
  readonly dependencies: readonly Dependency[];
  readonly intake: readonly Intake[];
  /** Whether the file says anything about intake at all: undeclared intake is refused in production. */
  readonly intakeDeclared: boolean;
  readonly synthetic: Synthetic;
  /** Scenarios that the owner has opted in to. */
  readonly optIn: readonly string[];
  /** Hooks at the launch of production's instances that its owner says arms may be without; absent: none. */
  readonly withoutHooks?: readonly string[];
  readonly deployInProgress: boolean;
  /** What a CI/CD system says of it; absent where only a file in the repository speaks. */
  readonly release?: Release;
  /** What its platform is doing to it by itself, like replacing its instances, each in words; absent: nothing, or it cannot tell. */
  readonly rolling?: readonly string[];
};

/** What a CI/CD system says of what it deployed. Holds no secret. */
export type Release = {
  /** What it calls the revision: the commit where it knows one. Beside the deployment's own, which is the platform's name for what runs. */
  readonly revision: string;
  /** The image or package that runs; null when it says none. */
  readonly artifact: string | null;
  /** Epoch ms since when it is live; null when it does not say. */
  readonly since: number | null;
  /** What else it says, for the plan. */
  readonly said: readonly { readonly what: string; readonly said: string }[];
  /** What it is doing to the service now, each by its name; empty: nothing. */
  readonly deploying: readonly string[];
};

/** A service that a run's own depends on, where Haldane knows it as a service: as it runs now. */
export type Neighbour = { readonly service: string; readonly revision: string; readonly instances: number };

/** What one route's door takes. Milliseconds, and counts at one time; 0: no limit. */
export type DoorLimits = {
  /** From the first byte of a request, or of a TLS handshake, to the end of its headers. Default 15 s. */
  readonly headersMs: number;
  /** From the first byte of a request to the last of its body. Default an hour. */
  readonly requestMs: number;
  /** How long a body may stand still. Default 60 s. */
  readonly bodyIdleMs: number;
  /** How long the service may think, from the end of a request until its answer begins; then the client is told 502. Default 5 min. */
  readonly answerMs: number;
  /** How long a connection is kept between requests. Default 65 s. */
  readonly keepAliveMs: number;
  /** Default 10 000. */
  readonly connections: number;
  /** From one address that is no trusted proxy. Default 1000. */
  readonly connectionsPerClient: number;
  /** Requests under way; one more is answered 503. Default 10 000. */
  readonly inFlight: number;
};

/** How a service's own processes are started. Holds secrets: never stored in the database, never logged. */
export type LaunchRecipe = ServiceRef & {
  readonly revision: string;
  readonly command: readonly string[];
  /** Where a relative program or script of the command is found. Instances run in folders of their own. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** The variable that tells an instance its port. */
  readonly portEnv: string;
  /** The variable that tells an instance its name, or null. */
  readonly instanceEnv: string | null;
  readonly health: { readonly path: string; readonly withinMs: number };
  readonly instances: number;
  readonly route: {
    readonly name: string;
    readonly port: number;
    /** Addresses or networks of proxies that stand before the door and may say where a request is from. Absent: nobody. */
    readonly trustedProxies?: readonly string[];
    /** What differs from the door's own limits. */
    readonly limits?: Partial<DoorLimits>;
  };
  readonly dependencies: readonly (Dependency & { readonly url: string })[];
  readonly intakeOff: Readonly<Record<string, string>>;
};

/** Where a service's dependencies really are, and what turns its intake off: for a platform that launches arms of a service that runs already. May hold secrets: never stored. */
export type Connections = Pick<LaunchRecipe, 'dependencies' | 'intakeOff'>;

/** A CI/CD system as Haldane reads it. */
export interface DeploymentPipeline {
  readonly id: string;
  /**
   * What is live, and whether a deploy is in progress. Never guesses: throws `not-found` when there is no such service, and `unavailable`,
   * `denied` or `throttled` when it cannot be learned, above all instead of saying that nothing is in progress.
   */
  interrogate(service: ServiceRef, signal: AbortSignal): Promise<Deployment>;
}

/** Params of a scenario as the file gave them, checked against the scenario's own schema. */
export type ScenarioParams = JsonObject;
