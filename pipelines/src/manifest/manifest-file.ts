import type { Dependency, Intake, JsonObject, Owner, SyntheticRequest } from '@haldane/core';

type RequestInFile = Omit<SyntheticRequest, 'body' | 'as'> & { readonly body?: string; readonly as?: string };

type TokenInFile = {
  readonly from: 'client-credentials' | 'static';
  readonly url?: string;
  readonly clientId?: string;
  readonly clientSecretEnv?: string;
  readonly form?: Readonly<Record<string, string>>;
  readonly valueEnv?: string;
};

/** A manifest as it stands in the file, with defaults written in: what `manifest.schema.ts` lets through. */
export type ManifestFile = {
  readonly service: string;
  readonly environment: string;
  readonly owner: Owner;
  readonly platform: string;
  readonly optIn: readonly string[];
  readonly deployed?: { readonly cluster: string; readonly route: string; readonly withoutHooks?: readonly string[] };
  /** One system by its id, with its own settings. */
  readonly pipeline?: { readonly [id: string]: JsonObject };
  readonly deploy?: {
    readonly command: readonly string[];
    readonly cwd: string;
    readonly env: Readonly<Record<string, string>>;
    readonly secrets: readonly string[];
    readonly portEnv: string;
    readonly instanceEnv?: string;
    readonly health: { readonly path: string; readonly within: number };
    readonly instances: number;
    readonly revision?: string;
  };
  readonly route?: {
    readonly name?: string;
    readonly port: number;
    readonly trustedProxies?: readonly string[];
    /** Seconds and counts. */
    readonly limits?: {
      readonly headers?: number;
      readonly request?: number;
      readonly bodyIdle?: number;
      readonly answer?: number;
      readonly keepAlive?: number;
      readonly connections?: number;
      readonly connectionsPerClient?: number;
      readonly inFlight?: number;
    };
  };
  readonly dependencies: readonly (Omit<Dependency, 'ca'> & { readonly url: string; readonly ca?: string })[];
  readonly intake?: readonly Intake[];
  readonly synthetic: {
    readonly identities: readonly { readonly name: string; readonly token: TokenInFile }[];
    readonly requests: readonly RequestInFile[];
    readonly jwksUrl?: string;
    readonly heartbeat?: RequestInFile;
  };
};
