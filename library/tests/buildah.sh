#!/bin/bash
# Which images a Containerfile needs is read right, paths stay inside the source, and the SBOM is what SPDX asks for.
# The program `buildah` is here one that only records what it is asked; the ladder's tests run the real one.
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || missing jq "apt-get install jq"
pull=$(script buildah pull-base)
sbom=$(script buildah sbom)
mkdir -p "$work/source" "$work/bin" "$work/containers" "$work/facts"
cat >"$work/bin/buildah" <<'SH'
#!/bin/sh
case "$1" in
    pull) echo "$3" >>"$PULLED"; [ "$3" != missing ] ;;
    inspect) echo sha256:aaaa ;;
esac
SH
chmod +x "$work/bin/buildah"

pull() { # [NAME=VALUE...]: runs the step with those build arguments; DOCKERFILE and CONTEXT come from the caller
    : >"$work/pulled"
    env PATH="$work/bin:$PATH" PULLED="$work/pulled" DOCKERFILE="${DOCKERFILE:-./Dockerfile}" CONTEXT="${CONTEXT:-.}" HERMETIC=true \
        bash "$pull" "$@" >"$work/log" 2>&1
}
needs() { # NAME IMAGES [ARGS...]: of the Containerfile on stdin
    local name=$1 images=$2
    shift 2
    cat >"$work/source/Containerfile"
    pull "$@" || { cat "$work/log" && check "$name: the step" a = b; }
    check "$name" "$(paste -sd' ' "$work/pulled")" = "$images"
}

needs "stages, scratch and comments" "a/gcc:1 b/base@sha256:12" <<'C'
# FROM not/this
FROM a/gcc:1 AS build
RUN echo FROM not/this
from scratch as Empty
COPY --from=build /x /y
FROM --platform=linux/amd64 b/base@sha256:12
COPY --chown=1:1 --from=empty /x /y
C
check "the final image's base" "$(cat "$work/facts/final-base")" = b/base@sha256:12
needs "arguments" "reg/img:2 other:3 plain" VERSION=2 IGNORED <<'C'
ARG VERSION=1
ARG REGISTRY="reg"
ARG UNSET
FROM ${REGISTRY}/img:$VERSION
ARG VERSION=9
FROM ${UNSET:-other}:3
FROM "plain" AS last
FROM last
C
check "an alias has the base of its stage" "$(cat "$work/facts/final-base")" = plain
needs "images outside of FROM" "base tools cache" <<'C'
FROM base
COPY --from=tools /a /b
RUN --mount=type=cache,target=/c --mount=type=bind,from=cache,source=/d echo
COPY --from=0 /a /b
C
needs "lines that go on, documents, carriage returns" "one two" < <(printf 'FROM \\\n  one\r\nRUN <<EOF\nFROM not/this\nEOF\nRUN a \\\n# FROM not/this\n  b\nFROM two\n')
needs "another escape" "win" < <(printf '# escape=`\nFROM `\nwin\n')

echo 'FROM missing' >"$work/source/Containerfile"
if pull; then check "a missing base" a = b; fi
contains "a missing base is named" "$work/log" 'base image `missing` of Containerfile could not be pulled'
contains "a missing base has a remedy" "$work/log" 'hint: a hermetic build pulls from this registry alone'
echo 'FROM --privileged' >"$work/source/Containerfile"
pull && : # no image: buildah itself says so
check "an option is not pulled" ! -s "$work/pulled"
rm "$work/source/Containerfile"
if pull; then check "no Containerfile" a = b; fi
contains "no Containerfile is said" "$work/log" 'the repository has no `Containerfile Dockerfile`'
contains "no Containerfile has a remedy" "$work/log" 'hint: add a Containerfile, or name its path in the params dockerfile and path-context'
echo 'FROM outside' >"$work/secret"
for path in ../secret ../../../../etc/passwd; do
    if DOCKERFILE=$path pull; then check "$path" a = b; fi
    contains "$path stays outside" "$work/log" 'the repository has no'
done
ln -s ../secret "$work/source/Containerfile"
if pull; then check "a link out" a = b; fi
contains "a link out of the source is not followed" "$work/log" 'the repository has no'
rm "$work/source/Containerfile"
if CONTEXT=../.. pull; then check "a context outside" a = b; fi
contains "a context outside" "$work/log" 'the repository has no folder `../..`'
mkdir -p "$work/source/app/docker" && echo 'FROM sub' >"$work/source/app/docker/My file"
CONTEXT=app DOCKERFILE='docker/My file' pull
check "a Containerfile of another name" "$(cat "$work/pulled")" = sub

hex=$(printf x | sha256sum | cut -d' ' -f1)
printf 'sha256:%s' "$hex" >"$work/image-digest"
printf 'library.sluice.dev/images/gcc:0.1 sha256:aa\nlocalhost:5000/a/base@sha256:bb sha256:bb\n' >"$work/facts/base-digests"
echo localhost:5000/a/base@sha256:bb >"$work/facts/final-base"
cat >"$work/dpkg-status" <<'D'
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u1
Description: "quotes" and \ slash
 more

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1

Package: g++
Architecture: amd64
Version: 4:12
D
(cd "$work" && env -i PATH="$(toolbox)" IMAGE=localhost:5000/acme/hello:t COMMIT_SHA=abc SOURCE_URL=https://x/y EPOCH=1700000000 sh "$sbom") >"$work/log" 2>&1 || cat "$work/log"
has() { check "SBOM: $1" "$(jq -r "$2" "$work/sbom.json")" = "$3"; }
has version .spdxVersion SPDX-2.3
has created .creationInfo.created 2023-11-14T22:13:20Z
has image '.packages[0].externalRefs[0].referenceLocator' "pkg:oci/hello@sha256%3A$hex?repository_url=localhost%3A5000%2Facme%2Fhello"
has source '.packages[] | select(.SPDXID == "SPDXRef-source").downloadLocation' git+https://x/y@abc
has packages '[.packages[].externalRefs[]?.referenceLocator | select(startswith("pkg:deb"))] | join(" ")' 'pkg:deb/debian/libc6@2.36-9%2Bdeb12u1?arch=amd64 pkg:deb/debian/g%2B%2B@4%3A12?arch=amd64'
has builder '.packages[] | select(.name == "library.sluice.dev/images/gcc:0.1").annotations[0].comment | fromjson | .name' konflux:container:is_builder_image:for_stage
has base '.packages[] | select(.name == "localhost:5000/a/base@sha256:bb").annotations[0].comment | fromjson | .name' konflux:container:is_base_image
has "related elements" '([.packages[].SPDXID] + ["SPDXRef-DOCUMENT"]) as $ids | [.relationships[] | .spdxElementId, .relatedSpdxElement | select(IN($ids[]) | not)] | length' 0
has "no element twice" '[.packages[].SPDXID] | length - (unique | length)' 0
finish
