"""The documents for administrators, followed on a clean Debian: ./run.sh test-install. Not a part of ./run.sh test."""
