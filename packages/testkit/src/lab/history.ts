/** Something that stood from one moment to another (epoch ms); `to` is null while it stands. */
export type Span = { readonly what: string; readonly from: number; readonly to: number | null };

/** What stood when, by name: what tests ask afterwards, and what the scripted sources count from. */
export class History {
  readonly #spans: { readonly source: string; readonly what: string; readonly from: number; to: number | null }[] = [];

  /** From now on exactly these stand, as far as this source says. */
  record(source: string, standing: readonly string[], at: number): void {
    const open = this.#spans.filter((span) => span.source === source && span.to === null);
    for (const span of open) if (!standing.includes(span.what)) span.to = at;
    for (const what of standing) if (!open.some((span) => span.what === what)) this.#spans.push({ source, what, from: at, to: null });
  }

  /** Everything whose name begins so, in the order in which it began. */
  spans(prefix: string): readonly Span[] {
    return this.#spans.filter(({ what }) => what.startsWith(prefix)).map(({ what, from, to }) => ({ what, from, to }));
  }

  /** The part (0..1) of a time in which something whose name begins so stood. */
  part(prefix: string, from: number, to: number): number {
    const stood = this.spans(prefix).reduce((sum, span) => sum + overlapMs(span, { from, to }), 0);
    return Math.min(1, stood / (to - from));
  }
}

/** For how many milliseconds two things stood together; an open end lasts for ever. */
export function overlapMs(a: Pick<Span, 'from' | 'to'>, b: Pick<Span, 'from' | 'to'>): number {
  const end = Math.min(a.to ?? Number.POSITIVE_INFINITY, b.to ?? Number.POSITIVE_INFINITY);
  return Math.max(0, end - Math.max(a.from, b.from));
}
