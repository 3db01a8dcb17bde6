import { type About, arms, type JsonObject, type Scenario, type Touch, type TwinFault, type TwinOf, type TwinOrder } from '@haldane/core';

/** What is left to say of a scenario at twins: everything else about them is the same. */
export type AtTwins = Pick<Scenario, 'id' | 'version'> & {
  readonly about: About;
  readonly of: TwinOf;
  /** What `like` names, in words for who writes the experiment. */
  readonly like: string;
  /** JSON Schema of what else may be said of it, by name. */
  readonly params?: JsonObject;
  /** What of a service it must be run again for when a deploy touches it. */
  readonly touchedBy: readonly Touch[];
  /** What is done at the experiment's twin, and at control's before anything is watched: of one kind, and harmless. */
  harm(params: JsonObject, runId: string): TwinFault;
  placebo(params: JsonObject, runId: string): TwinFault;
  readonly mode: TwinFault['mode'];
};

/**
 * A scenario at twins of something that the service has beside its instances: a twin for each arm, the harm at one, a harmless change of the same kind
 * at the other. Nobody is asked for anything; whether the right people notice is the verdict.
 */
export function atTwins({ id, version, about, of, like, params = {}, touchedBy, harm, placebo, mode }: AtTwins): Scenario {
  const orderOf = (given: JsonObject): TwinOrder => ({ of, like: String(given['like']), scenario: id });
  return {
    id,
    version,
    about,
    params: {
      type: 'object',
      additionalProperties: false,
      required: ['like'],
      properties: { like: { type: 'string', minLength: 1, description: like }, ...params },
    },
    needs: [mode],
    reach: 'owned',
    traffic: 'none',
    exposure: 'synthetic',
    breaksIdentity: false,
    residue: [],
    touchedBy,
    act: 'change',
    contact: (given) => ({ unit: 'twin', order: orderOf(given) }),
    timeConstants: () => [],
    objections: () => [],
    probes: () => [],
    prepare: (given, { deployment, runId, faults: { twins } }) => {
      if (twins === undefined) return [];
      const order = orderOf(given);
      return [
        ...arms.map((arm) => twins.make(deployment, runId, arm, order)),
        twins.fault(deployment, runId, 'control', order, placebo(given, runId)),
      ];
    },
    inject: (given, { deployment, runId, faults: { twins } }) =>
      twins === undefined ? [] : [twins.fault(deployment, runId, 'experiment', orderOf(given), harm(given, runId))],
  };
}
