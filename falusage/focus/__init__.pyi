"""What other rooms use of this one. A name is imported on its first use, as in the package."""

from ._charges import check_arguments as check_arguments
from ._charges import to_focus as to_focus
from ._charges import to_focus_in_parts as to_focus_in_parts
from ._loading import load_focus as load_focus
from ._parts import PARTS as PARTS
from ._parts import UNEXPLAINED as UNEXPLAINED
from ._parts import in_words as in_words
from ._reading import read_focus as read_focus
from ._tying import tie_out as tie_out
from ._vocabulary import CSV_TIME as CSV_TIME
from ._writing import write_focus as write_focus
