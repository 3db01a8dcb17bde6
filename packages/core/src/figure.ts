/** Something that is counted or measured, for those who watch Haldane itself. */
export type Figure = {
  readonly name: string;
  readonly kind: 'gauge' | 'counter';
  readonly says: string;
  readonly samples: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
};
