"""The look of the report page: one style sheet, no typeface or picture from elsewhere."""

CSS = """
:root { --ink: #25313d; --muted: #6b7785; --line: #e3e7eb; --paper: #ffffff; --wash: #f6f7f9; --blue: #2f6db3;
  --teal: #2a8f86;
  --amber: #cf8a2e; --red: #bf4f4a; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--wash); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", "Noto Sans", "DejaVu Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 36px 24px 64px; }
h1 { font-size: 27px; line-height: 1.2; margin: 0 0 6px; font-weight: 650; letter-spacing: -0.01em;
  overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 40px 0 12px; font-weight: 650; }
h3 { font-size: 14px; margin: 0 0 2px; font-weight: 600; }
p { margin: 0 0 8px; }
.card p:last-child { margin-bottom: 0; }
.muted { color: var(--muted); }
.small { font-size: 13px; }
.chip { display: inline-block; padding: 1px 10px; border-radius: 999px; font-size: 13px; background: #e4eef8;
  color: #24578f; }
.chip.open { background: #fbf0df; color: #8a5a14; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(240px, 1fr)); gap: 16px; margin-top: 24px; }
.card { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 16px 18px; }
.big { font-size: 23px; white-space: nowrap; font-weight: 620; letter-spacing: -0.01em;
  font-variant-numeric: tabular-nums; line-height: 1.25; }
.big .from { color: var(--muted); font-weight: 450; }
.bar { position: relative; height: 8px; border-radius: 4px; background: #edf0f3; margin: 12px 0 2px; }
.bar i { position: absolute; top: 0; height: 8px; border-radius: 4px; opacity: 0.32; }
.bar b { position: absolute; top: -3px; width: 4px; height: 14px; margin-left: -2px; border-radius: 2px; }
.bar .before { background: var(--amber); }
.bar .after { background: var(--blue); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(440px, 1fr)); gap: 16px; }
.wide { grid-column: 1 / -1; }
svg { display: block; width: 100%; height: auto; margin-top: 8px; }
svg text { font-family: inherit !important; }
.split { display: flex; height: 30px; border-radius: 6px; overflow: hidden; margin: 14px 0 10px; }
.key { display: flex; flex-wrap: wrap; gap: 4px 22px; font-size: 13px; }
.key i { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 7px; }
.rollout { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; margin-bottom: 12px;
  overflow: hidden; }
.rollout header { display: flex; flex-wrap: wrap; gap: 4px 14px; align-items: baseline; padding: 8px 16px;
  background: #fafbfc;
  border-bottom: 1px solid var(--line); font-size: 13px; }
.rollout .body { display: grid; grid-template-columns: 1fr 1.4fr; }
.rollout .body > div { padding: 10px 16px 12px; min-width: 0; }
.rollout .body > div + div { border-left: 1px solid var(--line); }
.tag { font-weight: 600; }
.tag.right { color: var(--teal); }
.tag.wrong { color: var(--red); }
.tag.none { color: var(--amber); }
pre { margin: 0; font: 12.5px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  white-space: pre-wrap;
  overflow-wrap: anywhere; unicode-bidi: isolate; }
.sheet pre { max-height: 520px; overflow: auto; }
footer { margin-top: 40px; color: var(--muted); font-size: 13px; }
@media (max-width: 720px) { .rollout .body { grid-template-columns: 1fr;
  } .rollout .body > div + div { border-left: 0;
  border-top: 1px solid var(--line); } .charts { grid-template-columns: 1fr; } }
@media print { body { background: #fff; } .card, .rollout { break-inside: avoid; } .sheet pre { max-height: none; } }
"""
