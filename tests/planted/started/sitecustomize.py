"""Plants the faults that `CATALOG_PLANTED` names into a Python process that starts.

Only ``tests.planted.bars`` puts this folder on the path: a benchmark, the servers that it starts
and the crawls in children of those are then faulty alike, and the product knows nothing of it.
"""

import os
import sys
import traceback

if os.environ.get("CATALOG_PLANTED"):
    try:
        from tests.planted.costly import plant

        plant(os.environ["CATALOG_PLANTED"])
    except Exception:
        # Python goes on after an error here; a process without its fault would be a sound one.
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(70)
