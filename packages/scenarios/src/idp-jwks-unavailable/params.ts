import type { JsonObject } from '@haldane/core';

export type Params = {
  readonly dependency: string;
  readonly mode: '503' | 'slow' | 'empty' | 'reset';
  /** Seconds. */
  readonly delay: number;
  readonly warmth: 'warm' | 'cold';
  readonly keyCacheSeconds: number;
};

export const paramsSchema: JsonObject = {
  type: 'object',
  additionalProperties: false,
  required: ['dependency'],
  properties: {
    dependency: { type: 'string', minLength: 1, description: 'the dependency in the manifest that serves the keys (JWKS)' },
    mode: {
      type: 'string',
      asWritten: true,
      enum: ['503', 'slow', 'empty', 'reset'],
      default: '503',
      description: 'how the keys are away: 503, slow, empty (no keys in the set) or reset',
    },
    delay: {
      type: ['number', 'string'],
      duration: { above: 0, atMost: 120 },
      default: '8s',
      description: 'how long a slow answer takes; used by mode: slow',
    },
    warmth: {
      type: 'string',
      enum: ['warm', 'cold'],
      default: 'warm',
      description: 'warm: instances have keys in their cache; cold: both arms are restarted, so that they have none',
    },
    keyCacheSeconds: {
      type: ['number', 'string'],
      duration: { atMost: 86_400 },
      default: 300,
      description: 'how long the service keeps fetched keys',
    },
  },
};

/** The params as the schema let them through. */
export function paramsOf(params: JsonObject): Params {
  return params as unknown as Params;
}
