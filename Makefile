# A courtesy for fingers that type make; everything is in make.py.
.PHONY: book test lab check notebooks format
book test lab check notebooks format:
	python3 make.py $@
