# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# bash looks for the file by the command's name: the daemon's is in the command's.

for _firstseen_file in "${BASH_SOURCE[0]%/*}"/firstseen{,.bash}; do
	if [[ -f $_firstseen_file ]]; then
		. "$_firstseen_file"
		break
	fi
done
unset _firstseen_file
