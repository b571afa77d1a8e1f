"""How the page of a dataset looks, in light and in dark."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root{--ground:#fff;--card:#f6f7f9;--line:#dde1e7;--text:#1b2330;--quiet:#5d6878;--accent:#2563b8;
--c0:#e6194b;--c1:#0082c8;--c2:#f58231;--c3:#3cb44b;--c4:#911eb4;--c5:#008080;--c6:#b8860b;--c7:#d6249f}
@media(prefers-color-scheme:dark){:root{--ground:#12161d;--card:#1b212b;--line:#303949;--text:#e6eaf0;
--quiet:#9aa6b6;--accent:#6aa7f0}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);font:15px/1.5 system-ui,sans-serif}
main{max-width:1080px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:26px;line-height:1.2;margin:0;overflow-wrap:anywhere}
h2{font-size:17px;margin:40px 0 12px}
p{margin:0;color:var(--quiet);max-width:60ch}
.tiles{display:flex;flex-wrap:wrap;gap:12px;margin:20px 0 0}
.tiles div{display:flex;flex-direction:column-reverse;
background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 18px}
.tiles dd{margin:0;font-size:22px;font-weight:600;font-variant-numeric:tabular-nums}
.tiles dt{color:var(--quiet);font-size:13px}
table{border-collapse:collapse;width:100%}
th{font-weight:500;text-align:left;padding:3px 12px 3px 0;width:200px;overflow-wrap:anywhere}
td{padding:3px 0 3px 12px}
.bar{padding-left:0}
.bar i{display:block;height:14px;min-width:1px;background:var(--accent);border-radius:0 3px 3px 0}
.number{width:90px}
.number,.share{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.share{color:var(--quiet);width:70px}
details{margin-top:8px}summary{cursor:pointer;color:var(--quiet)}
.sizes{display:flex;flex-wrap:wrap;gap:32px;align-items:center}
.sizes p{flex:1 1 260px}
.chart{width:340px;max-width:100%;position:relative;padding-left:26px}
.chart svg{display:block;width:100%;background:var(--card);border:1px solid var(--line);
fill:var(--accent)}
.up{position:absolute;left:0;top:45%;writing-mode:vertical-rl;transform:rotate(180deg);
color:var(--quiet);font-size:12px}
.ends{display:flex;justify-content:space-between;color:var(--quiet);font-size:12px}
.ends b{font-weight:400}
.problems tr{border-top:1px solid var(--line);vertical-align:top}
.problems td,.problems th{padding-top:8px;padding-bottom:8px}
.problems .number{padding:8px 16px 8px 0;width:1%}.problems th{white-space:nowrap;width:1%}
code{display:block;color:var(--quiet);font:12.5px/1.5 ui-monospace,monospace;overflow-wrap:anywhere}
.samples{display:grid;grid-template-columns:repeat(auto-fill,minmax(230px,1fr));gap:18px;align-items:start}
figure{margin:0;min-width:0}
.picture{position:relative;overflow:hidden;border-radius:6px;background:var(--card);line-height:0}
.picture img{width:100%;height:auto}
.absent{background:var(--card);border:1px dashed var(--line);border-radius:6px;padding:48px 12px;
text-align:center;color:var(--quiet);font-size:13px}
figcaption{color:var(--quiet);font-size:12.5px;margin-top:4px;white-space:nowrap;overflow:hidden;
text-overflow:ellipsis}
.box{position:absolute;border:2px solid var(--c);box-shadow:0 0 0 1px #0006;line-height:1}
.box b{position:absolute;left:-2px;top:-2px;background:var(--c);color:#fff;
font:600 10.5px/1.3 system-ui,sans-serif;padding:0 4px;white-space:nowrap;max-width:160px;
overflow:hidden;text-overflow:ellipsis}
.right b{left:auto;right:-2px}
.c0{--c:var(--c0)}.c1{--c:var(--c1)}.c2{--c:var(--c2)}.c3{--c:var(--c3)}
.c4{--c:var(--c4)}.c5{--c:var(--c5)}.c6{--c:var(--c6)}.c7{--c:var(--c7)}
@media print{main{max-width:none}.samples{grid-template-columns:repeat(3,1fr)}}
"""
