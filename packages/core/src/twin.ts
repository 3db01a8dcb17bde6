/**
 * What a service has beside its instances, of which a run can make twins of its own: what lets connections through to it, where it keeps files, the
 * rights that it has, and what writes down who did what.
 */
export type TwinOf = 'firewall' | 'bucket' | 'role' | 'trail';

/** A port is open to a network (CIDR). */
export type OpenPort = { readonly mode: 'open-port'; readonly port: number; readonly from: string };
/** What lies in a bucket may be read from a network (CIDR; 0.0.0.0/0: by everybody). Null: a rule of the same kind that lets nobody in. */
export type OpenBucket = { readonly mode: 'open-bucket'; readonly to: string | null };
/** A role is denied a right that it has; or, harmlessly, allowed it once more. */
export type CollidingRight = { readonly mode: 'colliding-right'; readonly effect: 'deny' | 'allow' };
/** A role may do everything: in the account, or only with what is not there (`own`). `nothing`: the policy that it is given allows nothing. */
export type AllRights = { readonly mode: 'all-rights'; readonly to: 'account' | 'own' | 'nothing' };
/** A trail records no more; or, harmlessly, what it records is signed. */
export type StoppedTrail = { readonly mode: 'stopped-trail'; readonly by: 'stopping' | 'signing' };

/** What is harmed, and never at anything but a twin. */
export type TwinFault = OpenPort | OpenBucket | CollidingRight | AllRights | StoppedTrail;

/** What an arm's twin is made like. */
export type TwinOrder = {
  readonly of: TwinOf;
  /** The name of the service's own: looked at and never touched. */
  readonly like: string;
  /** The scenario for which its owner must have opted it in, at the resource itself. */
  readonly scenario: string;
};

export type TwinState = {
  /** What it is called by where alerts speak of it; one of them is enough to know it. */
  readonly names: readonly string[];
  /** In words, each way in which it is not like what it was made from: noticed on a twin is not yet noticed on production's own. */
  readonly differs: readonly string[];
};
