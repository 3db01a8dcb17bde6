import { type AnyChangeKind, HaldaneError, type JsonObject, messageOf } from '@haldane/core';

const resourceOf: Readonly<Record<string, (params: JsonObject) => string>> = {
  'aws.targets': ({ name }) => `target group ${name}`,
  'aws.template': ({ name }) => `launch template ${name}`,
  'aws.twin': ({ word, name }) => `${word} ${name}`,
  'aws.twin-fault': ({ word, name }) => `${word} ${name}`,
  'aws.fault': ({ cluster, dependency }) => `sidecars of Auto Scaling group ${cluster}, calls to ${dependency}`,
  'aws.cluster': ({ cluster }) => `Auto Scaling group ${cluster}`,
  'aws.door': ({ targetGroup, route }) => `rule to ${targetGroup} before ${route}`,
  'aws.attach': ({ runId, route }) => `rules of run ${runId} before ${route}`,
  'aws.slice': ({ route }) => `rule ${route}`,
};

/** The same kind, whose errors name the resource by the words that its owner finds it under: whoever has to put it back by hand needs no more. */
export function namingItsResource(kind: AnyChangeKind): AnyChangeKind {
  const named =
    <G extends readonly unknown[], R>(act: (params: JsonObject, ...given: G) => Promise<R>) =>
    async (params: JsonObject, ...given: G): Promise<R> => {
      try {
        return await act(params, ...given);
      } catch (error) {
        if (!(error instanceof HaldaneError)) throw error;
        const resource = resourceOf[kind.kind]?.(params) ?? kind.kind;
        throw new HaldaneError(error.code, `${resource}: ${messageOf(error)}`, { cause: error, details: error.details });
      }
    };
  return {
    ...kind,
    capture: named(kind.capture),
    apply: named(kind.apply),
    revert: named(kind.revert),
    isReverted: named(kind.isReverted),
    ...(kind.superseded === undefined ? {} : { superseded: named(kind.superseded) }),
  };
}
