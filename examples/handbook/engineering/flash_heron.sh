#!/bin/sh
# Write a firmware image to a Heron 2 over its service port.
#
# Usage: flash_heron.sh IMAGE [HOST]
# HOST is the controller's address; a box fresh from the plant answers at 192.168.71.1.
#
# The image goes to the slot that is not in use. If the new version does not report to us within ten minutes
# the boot program starts the old one again, so an interrupted cable never leaves a customer without water.
set -eu

image=${1:?"give the path of the image, such as heron-4.6.1.img"}
host=${2:-192.168.71.1}

if ! openssl dgst -sha256 -verify release.pub -signature "$image.sig" "$image" >/dev/null; then
    echo "E-5108: the signature of $image is not valid; download it again" >&2
    exit 3
fi

free_slot=$(ssh "service@$host" slotctl free)
echo "writing $image to slot $free_slot of $host"
ssh "service@$host" slotctl write "$free_slot" <"$image"
ssh "service@$host" slotctl try "$free_slot"
ssh "service@$host" reboot
