#!/bin/sh
# Rebuild d3.js, the parts of d3 that draw the pictures of the page, and its licences.
#     sh falusage/reporting/_page/vendor/build.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
cd "$work"
npm init -y >/dev/null
npm install --no-audit --no-fund --save-exact d3-array@3.2.5 d3-scale@4.0.3 d3-shape@3.2.1 \
  d3-color@3.1.1 d3-format@3.1.3 d3-interpolate@3.0.2 d3-path@3.1.1 internmap@2.0.3 esbuild@0.28.2
cat >parts.js <<'END'
export { max } from "d3-array";
export { scaleBand, scaleLinear } from "d3-scale";
export { stack } from "d3-shape";
END
npx esbuild parts.js --bundle --minify --format=iife --global-name=d3 --target=es2022 \
  --legal-comments=none --outfile=bundle.js
# Each page is a copy, so each has the notice. All parts have the same author and licence.
{
  printf '/* d3\n' && cat node_modules/d3-scale/LICENSE && printf '*/\n' && cat bundle.js
} >"$here/d3.js"
for part in d3-array d3-color d3-format d3-interpolate d3-path d3-scale d3-shape internmap; do
  printf '%s\n\n' "$part" && cat "node_modules/$part/LICENSE" && printf '\n'
done >"$here/d3.LICENSE"
rm -r "$work"
