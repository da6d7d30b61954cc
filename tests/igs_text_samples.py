"""Short texts in the formats around IGS orbits: combination summary, satellite metadata, NANU summary."""

from __future__ import annotations

SUMMARY = """\
# IGS combination of daily AC SINEX solutions for week 2332
authors: A. Nyone
contact: someone
ac:
  - {name: cod, file: 'COD0OPSFIN_${yyyy}${doy}0000_01D_01D_SOL.SNX', weighted: True}
  - {name: esa, file: 'ESA0OPSFIN_${yyyy}${doy}0000_01D_01D_SOL.SNX', weighted: False}
igs: {file: 'IGS0OPSSNX.SNX'}
bua: {file: finals2000A.data}
# - wrms   = WRMS of "AC - igs" residuals (unit: mm, frame: ENH)
# - sigm   = median of formal errors (unit: mm, frame: ENH)
stats:
  -
    - {ac: cod, day: 4, nsta: 259, nrf: 125, ncore: 42, sqrtvf: 0.006943, wrms: [1.3, 1.1, 3.6], sigm: [1.2, 1.2, 4.1]}
  -
    - {ac: igs, day: 4, nsta: 491, nrf: 160, ncore: 47}
# - dxpo  = X-pole residuals (unit: uas)
# - dypo  = Y-pole residuals (unit: uas)
# - dxpor = X-pole rate residuals (unit: uas/d)
# - dypor = Y-pole rate residuals (unit: uas/d)
# - dlod  = LOD residuals (unit: us)
# - dgc   = geocenter residuals (unit: mm, frame: XYZ)
# - dsc   = terrestrial scale residuals (unit: ppb)
globres:
  -
    - {ac: cod, day: 4, dxpo: 10.8, dypo: 18.3, dxpor: 20.9, dypor: 49.6, dlod: 7.1, dgc:[-2.7, 0.7, -6.6], dsc: 0.033}
    - {ac: bua, day: 4, dxpo: -48.2, dypo: 22.3, dxpor: 75.1, dypor: -131.9, dlod: 19.3}
# 3) "AC -> IGSR3" 7-parameter transformations:
# - T   = translations (unit: mm, frame: XYZ)
# - S   = scale factors (unit: ppb)
# - R   = rotations (unit: mas, frame: XYZ)
# - rms = RMS of transformation residuals (unit: mm, frame: ENH)
transfo:
  -
    - {ac: cod, day: 4, T:[ 1.5, -1.7, 0.9], S: -0.143, R:[ 0.005, -0.001, -0.014], rms:[ 2.3, 2.8, 6.4]}
    - {ac: esa, day: 0, T:[ 0.0, 0.0, 0.0], S: 0.000, R:[ 0.000, -0.000, 0.000], rms:[ 2.3, 2.8, 6.4]}
rejections:
  - {ac: cod, day: 4, sta: [0010, NO1E]}
# - res = residuals before rejection (unit: mm, frame: ENH)
outliers:
  - {ac: cod, day: 4, sta: LMMF, res: [2.4, 7.7, 4.1]}
sources:
  - {name: igs, address: 'https://a.example/log'}
nologs: [HAL2]
errors:
  - {ac: esa, sta: CHUR, type: antenna orientation , from_ac: 0 , from_log: -13 , source: igs }
missing: [ANK2, "NO"]
"""

_RULE = "*" + "-" * 79


def sinex(**blocks: str) -> str:
    """Return satellite metadata with records in place of the usual ones of a block, or without it for ``""``."""
    usual = {
        "IDENTIFIER": " G053 2005-038A  28874 GPS-IIR-M       Launched 2005-09-26; NAVSTAR 57\n"
                      " G017 1989-097A  20361 GPS-II\n R730 2009-070A  36111 GLO-M           x\n",
        "PRN": " G017 1989:345:00000 2005:055:00000 G17 \n G053 2005:269:00000 0000:000:00000 G17\n"
               " R730 2009:348:00000 0000:000:00000 R01 \n",
        "FREQUENCY_CHANNEL": " R730 2009:348:00000 2010:014:86399  -4 [x]\n R730 2010:015:00000 0000:000:00000   1\n",
        "MASS": " G053 2005:269:00000 0000:000:00000  1080.000 GPS-IIR-M\n"
                " G053 2020:001:00000 0000:000:00000  1075.000 later begin\n",
        "COM": " G053 2005:269:00000 0000:000:00000    0.0000    0.0010   -0.0020 x\n",
        "ECCENTRICITY": " G053 LRA_X                L    1.0000    2.0000    3.0000 x\n"
                        " G053 BLOCK IIR-M          P    0.1000    0.2000    0.3000 x\n",
        "TX_POWER": " G053 2005:269:00000 0000:000:00000  145  x\n",
    }  # fmt: skip
    body = "".join(
        f"+SATELLITE/{name}\n*\n{records}*\n-SATELLITE/{name}\n{_RULE}\n"
        for name, records in {**usual, **blocks}.items()
        if records
    )
    head = "%=SNX 2.02 DLR 24:283:41141 DLR 78:053:00000 00:000:00000 P 00000 0\n"
    reference = "+FILE/REFERENCE\n DESCRIPTION        satellites, release 1\n-FILE/REFERENCE\n"
    return f"{head}{_RULE}\n{reference}{body}%ENDSNX\n"


NANUS = """\
+nanu_sum
*   NANU TYPE       PRN REF_NANU  EPO_BEG        EPO_END         EPO_INC
 2024001 FCSTSUMM    03  2023075  2024_005_0748  2024_005_1231   2024.01.05 (005) 18:02
 2024043 FCSTDV      17        -  2024_262_2045  2024_263_0845   2024.09.14 (258) 00:02
 2024044 FCSTSUMM    17  2024043  2024_262_2045  2024_263_0315   2024.09.19 (263) 06:02
 2024046 FCSTMX       9        -  2024_270_0000  2024_271_0000   2024.09.19 (263) 06:02
 2024047 FCSTSUMM    09  2024046  2024_270_0100  2024_270_0200   2024.09.28 (272) 06:02
 2024048 UNUSUFN     07        -  2024_271_1620              -   2024.09.28 (272) 12:02
-nanu_sum
"""
