//! The one style sheet: readable at 360 pixels and on a wide screen, in light and dark. Contrast is that of WCAG 2.2 AA.

/// It stands in every page; the policy names it by its hash.
pub(super) const SHEET: &str = "\
:root{color-scheme:light dark;--ink:#16202a;--quiet:#4a5763;--paper:#fff;--ground:#eef2f5;--line:#76828d;--act:#0b57a4;--on:#fff;--bad:#a3180f;--tint:#fdf0ef}\
@media (prefers-color-scheme:dark){:root{--ink:#eef2f5;--quiet:#b4c0ca;--paper:#1b242d;--ground:#10171d;--line:#8996a1;--act:#8ec5ff;--on:#0c1a27;--bad:#ffb4ab;--tint:#3b1d1b}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;overflow-wrap:anywhere}\
main{max-width:34rem;margin:0 auto;padding:1.5rem 1.25rem 2.5rem;background:var(--paper);min-height:100vh}\
@media (min-width:40rem){main{margin:3rem auto;padding:2rem 2.5rem 2.5rem;min-height:0;border-radius:.5rem;box-shadow:0 1px 4px #0003}}\
h1{font-size:1.6rem;line-height:1.25;margin:0 0 1rem}h2{font-size:1.15rem;line-height:1.3;margin:2rem 0 .5rem}\
p{margin:.5rem 0 1rem}ul,ol{padding-left:1.25rem}li{margin:.25rem 0}\
.field{margin:1.25rem 0}label,legend{display:block;font-weight:600}\
.hint{margin:.1rem 0 .3rem;color:var(--quiet);font-size:.925rem}\
input[type=text],input[type=password],select{display:block;width:100%;margin-top:.3rem;padding:.6rem .7rem;font:inherit;color:inherit;background:var(--paper);border:1px solid var(--line);border-radius:.3rem}\
input[aria-invalid]{border:2px solid var(--bad)}\
fieldset{margin:1.25rem 0;padding:0;border:0;min-width:0}\
.choice{display:flex;gap:.7rem;align-items:flex-start;padding:.55rem 0;border-top:1px solid #8886}.choice label{font-weight:400;flex:1}\
.choice input{width:1.25rem;height:1.25rem;margin:.15rem 0 0;flex:none;accent-color:var(--act)}\
button,.button{display:inline-block;min-height:2.75rem;padding:.6rem 1.2rem;font:inherit;font-weight:600;line-height:1.5;color:var(--on);background:var(--act);border:1px solid var(--act);border-radius:.3rem;text-decoration:none;cursor:pointer}\
button.second,.button.second{color:var(--act);background:transparent}\
.buttons{display:flex;flex-wrap:wrap;gap:.75rem;margin-top:1.5rem}\
@media (max-width:26rem){button,.button{width:100%;text-align:center}}\
a{color:var(--act)}:focus-visible{outline:3px solid var(--act);outline-offset:2px}\
.error{margin:0 0 1.25rem;padding:.75rem 1rem;border-left:.3rem solid var(--bad);background:var(--tint)}.error strong{color:var(--bad)}.error p{margin:.2rem 0 0}\
.note{margin:0 0 1.25rem;padding:.75rem 1rem;border-left:.3rem solid var(--act);background:var(--ground)}\
dl{margin:1rem 0}dt{color:var(--quiet);font-size:.925rem}dd{margin:0 0 .6rem}\
code,.code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:1.05em}\
.codes{list-style:none;padding:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:.25rem 1rem}\
form+form,form+.hint{margin-top:1.25rem}\
.qr{display:block;width:13rem;max-width:100%;height:auto;margin:1rem 0;background:#fff;border-radius:.3rem}\
.detail{display:block;font-weight:400;font-size:.925rem;color:var(--quiet)}\
.choices{list-style:none;padding:0}.choices li{margin:.5rem 0}\
button.pick{width:100%;text-align:left;color:var(--ink);background:transparent;border-color:var(--line)}\
.switch{padding:.55rem 0;border-top:1px solid #8886}.switch label{display:flex;gap:.7rem;align-items:flex-start;font-weight:400}.switch label>span{flex:1}\
.switch input{width:1.25rem;height:1.25rem;margin:.15rem 0 0;flex:none;accent-color:var(--act)}.switch .part{margin:.4rem 0 .4rem 1.95rem}\
details{margin:.3rem 0 0 1.95rem}summary{cursor:pointer;color:var(--act)}details .part{margin-left:0}\
form+form{margin-top:.75rem}\
.session{padding:.75rem 0;border-top:1px solid #8886}.session p{margin:0}\
";
