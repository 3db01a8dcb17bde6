/** Something that happened, as a service told it. Unknown fields are allowed: rules decide what they look at. */
export type SecurityEvent = Readonly<Record<string, unknown>> & {
  readonly event: string;
  readonly service: string;
  readonly instance: string;
  readonly at: string;
};

/** What one field must be: this value, one of these, or merely there (not empty) or not there. */
export type Condition = string | number | boolean | readonly (string | number | boolean)[] | { readonly present: boolean };

export type Rule = {
  readonly name: string;
  readonly severity: 'info' | 'low' | 'medium' | 'high' | 'critical';
  /** Who acts on it. */
  readonly owner: string;
  /** Who is told. */
  readonly receivers: readonly string[];
  /** All conditions of one of these must hold. */
  readonly any: readonly Readonly<Record<string, Condition>>[];
  /** This many events within this many seconds, in one group. */
  readonly count: number;
  readonly withinSeconds: number;
  readonly groupBy: readonly string[];
  /** One group is silent for this long after an alert. */
  readonly cooldownSeconds: number;
  /** Texts with `{field}` of the newest event, `{count}` and `{since}`. */
  readonly alert: {
    readonly summary: string;
    readonly who: string;
    readonly what: string;
    readonly where: string;
    readonly resource: string;
    readonly remediation: string;
  };
};

export type FiredAlert = {
  readonly rule: string;
  readonly severity: string;
  readonly receiver: string;
  readonly summary: string;
  readonly fields: Readonly<Record<string, string>>;
};
