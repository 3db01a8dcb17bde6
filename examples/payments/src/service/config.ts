import { oneOf, text, whole } from '../process/environment.ts';

export const builds = ['sound', 'flawed-jwks', 'flawed-alg', 'slow'] as const;
export type Build = (typeof builds)[number];

export type ServiceConfig = {
  readonly port: number;
  readonly service: string;
  readonly instance: string;
  readonly build: Build;
  readonly jwksUrl: string;
  readonly issuer: string;
  readonly audience: string;
  readonly auditUrl: string;
  readonly databaseUrl: string;
  readonly keyCacheSeconds: number;
  /** Whether this instance makes the tables of its database when it starts. */
  readonly makesTables: boolean;
};

/** What the service needs to know, read once; an error names the variable that is missing or wrong. */
export function readServiceConfig(env: Readonly<Record<string, string | undefined>>): ServiceConfig {
  return {
    port: whole(env, 'PORT', 0),
    service: text(env, 'SERVICE_NAME', 'payments'),
    instance: text(env, 'INSTANCE_NAME', 'payments-1'),
    build: oneOf(env, 'BUILD', builds, 'sound'),
    jwksUrl: text(env, 'JWKS_URL'),
    issuer: text(env, 'ISSUER'),
    audience: text(env, 'AUDIENCE', 'urn:payments'),
    auditUrl: text(env, 'AUDIT_URL'),
    databaseUrl: text(env, 'DATABASE_URL'),
    keyCacheSeconds: whole(env, 'KEY_CACHE_SECONDS', 5),
    makesTables: oneOf(env, 'MAKE_TABLES', ['yes', 'no'], 'yes') === 'yes',
  };
}
