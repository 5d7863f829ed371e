#!/bin/sh
# Rebuild d3.js, the parts of d3 that draw the pictures of the page, and its licences.
#     sh falusage/reporting/_page/vendor/build.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
cd "$work"
npm init -y >/dev/null
npm install --no-audit --no-fund --save-exact d3-array@3.2.5 d3-scale@4.0.3 \
  internmap@2.0.3 esbuild@0.28.2
cat >parts.js <<'END'
export { max, nice, ticks } from "d3-array";
export { scaleBand } from "d3-scale";
END
npx esbuild parts.js --bundle --minify --format=iife --global-name=d3 --target=es2022 \
  --legal-comments=none --outfile=bundle.js
# Each page is a copy, so each has the notice. All parts have the same author and licence.
{
  printf '/* d3\n' && cat node_modules/d3-scale/LICENSE && printf '*/\n' && cat bundle.js
} >"$here/d3.js"
for part in d3-array d3-scale internmap; do
  printf '%s\n\n' "$part" && cat "node_modules/$part/LICENSE" && printf '\n'
done >"$here/d3.LICENSE"
rm -r "$work"
