/** Wald's approximate SPRT boundaries (F8): ln A = ln((1−beta)/alpha), ln B = ln(beta/(1−alpha)). */
export function waldBounds(alpha: number, beta: number): { readonly upperLogA: number; readonly lowerLogB: number } {
  return { upperLogA: Math.log((1 - beta) / alpha), lowerLogB: Math.log(beta / (1 - alpha)) };
}
