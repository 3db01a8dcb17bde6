/** What a report can be had as. */
export const reportFormats = ['terminal', 'markdown', 'html', 'json', 'junit'] as const;
export type ReportFormat = (typeof reportFormats)[number];
