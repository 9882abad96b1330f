#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install_test.sh BUILD_DIR EXAMPLE TEST_DIR, with CMAKE, CC, CFLAGS, CONFIG, GENERATOR, PKG_CONFIG and VERSION in the
# environment: install into a fresh directory, move it, and use it from there.
set -eu
build=$1 example=$2 here=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$CMAKE" --install "$build" --config "$CONFIG" --prefix "$scratch/staged" >"$scratch/log"
mv "$scratch/staged" "$scratch/prefix"
prefix=$scratch/prefix
libdir=$(dirname "$(find "$prefix" -name liblessor.so)")

fail() {
	echo "$*"
	exit 1
}

# Each program gets a store of its own, and must answer as in the README.
run() {
	mkdir "$scratch/store-$1"
	answer=$(cd "$scratch/store-$1" && "$2") || true
	[ "$answer" = "192.0.2.10: LESSOR_OK" ] || fail "$1: the example answered \"$answer\"."
}

[ -e "$libdir/liblessor.so.0" ] || fail "liblessor.so.0 is not installed."
[ -e "$libdir/liblessor.a" ] || fail "liblessor.a is not installed."
if [ -n "${LESSOR_COMMAND:-}" ]; then
	"$prefix/bin/lessor" --version | grep -qF "$VERSION" || fail "lessor --version does not say $VERSION."
	for file in man/man1/lessor.1 man/man5/lessor-store.5 bash-completion/completions/lessor zsh/site-functions/_lessor; do
		[ -s "$prefix/share/$file" ] || fail "share/$file is not installed."
	done
fi
[ -s "$prefix/share/man/man3/lessor.3" ] || fail "lessor.3 is not installed."

export PKG_CONFIG_PATH="$libdir/pkgconfig"
[ "$("$PKG_CONFIG" --modversion lessor)" = "$VERSION" ] || fail "lessor.pc has another version than $VERSION."
# Flags are lists: they are to be split.
# shellcheck disable=SC2046,SC2086
"$CC" $CFLAGS $("$PKG_CONFIG" --cflags lessor) "$example" -o "$scratch/shared" $("$PKG_CONFIG" --libs lessor) \
	-Wl,-rpath,"$libdir"
run pkg-config-shared "$scratch/shared"
# shellcheck disable=SC2046,SC2086
"$CC" $CFLAGS $("$PKG_CONFIG" --cflags lessor) "$example" -o "$scratch/static" -L"$libdir" \
	$("$PKG_CONFIG" --static --libs lessor | sed 's/-llessor/-l:liblessor.a/')
run pkg-config-static "$scratch/static"

"$CMAKE" -S "$here/consumer" -B "$scratch/consumer" -G "$GENERATOR" -DCMAKE_C_COMPILER="$CC" \
	-DCMAKE_BUILD_TYPE="$CONFIG" -DCMAKE_PREFIX_PATH="$prefix" -DEXAMPLE="$example" >>"$scratch/log" ||
	fail "find_package: $(cat "$scratch/log")"
"$CMAKE" --build "$scratch/consumer" >>"$scratch/log" || fail "find_package: $(cat "$scratch/log")"
run find-package-shared "$scratch/consumer/with_lessor"
run find-package-static "$scratch/consumer/with_lessor_static"
