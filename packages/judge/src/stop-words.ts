/** Why a run ended before its time, for a headline. */
export function stopWords(reason: string, why: string): string {
  switch (reason) {
    case 'operator':
      return `stopped by a person (${why})`;
    case 'budget-spent':
      return `${why}, without proof of harm beyond the tolerance`;
    case 'lease-lost':
      return `the runner was lost; everything was put back (${why})`;
    default:
      return `stopped, ${reason}: ${why}`;
  }
}
