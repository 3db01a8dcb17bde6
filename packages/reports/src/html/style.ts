/** The look of the page: readable on paper, in a mail and in the dark. */
export const style = `
:root{--ink:#1d232b;--soft:#5c6773;--line:#d9dee4;--paper:#fff;--wash:#f5f7f9}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa5b1;--line:#39424d;--paper:#14181d;--wash:#1c2229}}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{overflow-wrap:anywhere;max-width:900px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:1.5rem;margin:.2em 0 .6em}h2{font-size:1.1rem;margin:2em 0 .6em}h3{margin:0;font-size:1rem;text-transform:capitalize}
.verdict{display:inline-block;margin:0;padding:.15em .7em;border-radius:4px;font-weight:700;text-transform:uppercase;letter-spacing:.04em;color:#fff;background:#5c6773}
.verdict.resilient{background:#2f7d4f}.verdict.vulnerable{background:#b3202c}.verdict.inconclusive{background:#9a6b00}.verdict.invalid{background:#6d4aa0}
.lead{font-size:1.08rem}.harm{font-weight:600}
.marks{display:grid;grid-template-columns:repeat(auto-fit,minmax(240px,1fr));gap:12px}
.marks section{border:1px solid var(--line);border-left:5px solid var(--soft);border-radius:4px;padding:10px 14px;background:var(--wash)}
.marks section.yes{border-left-color:#2f7d4f}.marks section.no{border-left-color:#b3202c}.marks section.unknown{border-left-color:#9a6b00}
.marks p{margin:.3em 0 0;font-size:.92rem}.question{color:var(--soft)}
figure{margin:26px 0 0}figcaption{font-weight:600}figcaption small{font-weight:400;color:var(--soft)}
figure div{overflow-x:auto;margin-top:6px}svg{display:block;width:100%;min-width:560px;height:auto;background:var(--wash);border-radius:4px}
.grid{stroke:var(--line)}.tick{fill:var(--soft);font-size:11px}.legend{font-size:12px;font-weight:600}
.mark{stroke:var(--ink);stroke-dasharray:3 3;opacity:.6}.marked{fill:var(--ink);font-size:11px}
table{border-collapse:collapse;width:100%;font-size:.92rem}th{text-align:left;color:var(--soft);font-weight:600}td,th{padding:4px 10px 4px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{overflow-wrap:normal}th:last-child{min-width:4.5em}.number{white-space:nowrap}
@media (max-width:600px){main{padding:16px 12px 40px}td,th{padding-right:6px}table{font-size:.82rem}.tick,.marked,.legend{font-size:15px}}
pre{overflow:auto;max-width:100%;box-sizing:border-box;background:var(--wash);padding:12px;border-radius:4px;font-size:.8rem}footer{margin-top:3em;color:var(--soft);font-size:.9rem}
`;
